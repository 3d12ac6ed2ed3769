// npm run bench [-- NAME …] [-- OPTIONS]: runs benchmarks, each in a process of its own, one after
// the other. `--record` writes what they report into their sections of
// docs/reference/performance.md. Options go on to the benchmarks.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { withSection } from './page.ts';
import { type Report, table } from './report.ts';

const page = new URL('../docs/reference/performance.md', import.meta.url);

interface Benchmark {
  about: string;
  /** Runs of it, with these arguments each, that `--record` takes. Others print lines alone. */
  recorded?: string[][];
}

const benchmarks: Record<string, Benchmark> = {
  reads: {
    about: 'signed reads, beside a bare node:http',
    recorded: [
      [],
      ['--images', '1000000', '--rounds', '1'],
      ['--store', 'postgres', '--rounds', '1'],
    ],
  },
  writes: { about: 'concurrent changes, beside bare durable inserts', recorded: [[]] },
  'command-line': { about: 'the start of the command line, beside node -e 0', recorded: [[]] },
  rest: { about: 'a server at rest on a large store', recorded: [[]] },
  layers: { about: 'captures, disks, chains and files, beside qemu-img', recorded: [[]] },
  disks: { about: 'options of the disks of machines, beside those of before', recorded: [[]] },
  builds: { about: 'cached and uncached builds, and two at once', recorded: [[]] },
  instant: { about: 'starts from memory, beside boots; some minutes', recorded: [[]] },
  loop: {
    about: 'the longest stop of the event loop, for each operation and task on a large fleet',
    recorded: [[], ['--store', 'postgres']],
  },
  load: { about: '64 connections and a fleet, for three minutes' },
  profile: { about: 'where the time of a kept answer goes', recorded: [[]] },
  day: { about: 'a day of a fleet in minutes, and what the server takes then' },
  signatures: { about: 'signatures that servers share on PostgreSQL, beside select 1' },
  events: { about: '5,000 listeners on one server: memory, and how late events come' },
  scale: { about: 'a large fleet on PostgreSQL, beside pgbench; half an hour' },
};
/** What is run when no name is given; it takes minutes. */
const usual = ['reads', 'profile', 'writes', 'command-line', 'rest', 'loop', 'layers', 'builds'];

const names = process.argv.slice(2).filter((word) => Object.hasOwn(benchmarks, word));
const others = process.argv.slice(2).filter((word) => !names.includes(word));
const isRecording = others.includes('--record');
const options = others.filter((word) => word !== '--record');
if (options[0] !== undefined && !options[0].startsWith('-')) {
  const lines = Object.entries(benchmarks).map(
    ([name, { about }]) => `  ${name.padEnd(14)}${about}`,
  );
  process.stderr.write(`${options[0]} is no benchmark. These are:\n${lines.join('\n')}\n`);
  process.exit(2);
}

function run(name: string, given: readonly string[], isCaptured: boolean): string {
  const file = new URL(`${name}.ts`, import.meta.url).pathname;
  const { status, stdout } = spawnSync(process.execPath, [file, ...given], {
    stdio: ['ignore', isCaptured ? 'pipe' : 'inherit', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 16 * 1024 ** 2,
  });
  if (status !== 0) throw new Error(`the benchmark ${name} ended with ${status}`);
  return stdout ?? '';
}

function record(chosen: readonly string[]): void {
  const [{ model } = { model: 'unknown' }] = cpus();
  const machine = `${cpus().length} × ${model}, ${Math.round(totalmem() / 1024 ** 3)} GB, Linux ${release()}, Node ${process.version}`;
  for (const name of chosen)
    for (const more of benchmarks[name]?.recorded ?? []) {
      const given = [...more, ...options];
      const report: Report = JSON.parse(run(name, [...given, '--json'], true));
      const command = ['npm run bench --', name, ...given].join(' ');
      const section = { command, title: report.benchmark, machine, body: table(report) };
      // Each is written at once, so that a benchmark that fails loses none of those before it.
      writeFileSync(page, withSection(readFileSync(page, 'utf8'), section));
    }
}

const chosen = names.length > 0 ? names : usual;
if (isRecording) record(chosen);
else for (const name of chosen) run(name, options, false);
