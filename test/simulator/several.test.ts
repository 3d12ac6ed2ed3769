// Several things in one command: ranges, patterns, files of names, and what came of each.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { entry } from '../server-process.ts';
import { type Scope, temporaryFolder } from '../support.ts';
import { startDemo } from './demo.ts';
import { refuses } from './refuses.ts';

/** The ids in the first column of a table. */
const idsIn = (table: string) =>
  table
    .split('\n')
    .flatMap((line) => /^(\d+) /.exec(line)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);

/** Starts a demo, and resolves to the ids of the machines that are ready. */
async function start(t: Scope) {
  const demo = await startDemo(t);
  const ready = async () => {
    const { out } = await demo.run('machine', 'list', '--all', '--json');
    const { machines } = JSON.parse(out);
    type Machine = { attributes: { id: number; friendly_status: string } };
    return machines
      .filter((one: Machine) => one.attributes.friendly_status === 'ready')
      .map((one: Machine) => one.attributes.id)
      .sort();
  };
  return { ...demo, ready };
}

/** Types a command with text on its standard input. */
const piped = (env: Record<string, string | undefined>, text: string, ...args: string[]) =>
  new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    const child = spawn(process.execPath, [entry, ...args], { env });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.once('close', (code) => resolve({ code, out, err }));
    // The command may end before it has read everything.
    child.stdin.on('error', () => {});
    child.stdin.end(text);
  });

describe('several things', { concurrency: 2 }, () => {
  it('are given by ids, ranges, names and patterns, each once', async (t) => {
    const { run, ready } = await start(t);
    const started = await run(
      'machine',
      'start',
      '1',
      '1-2,4',
      'Machine #4',
      'Machine #[5-6]',
      '--json',
    );
    assert.equal(started.code, 3, 'a bracket is no pattern');
    assert.deepEqual(await ready(), []);
    const some = await run('machine', 'start', '1', '2-3', 'Machine #3', '*#5');
    assert.deepEqual([some.code, idsIn(some.out)], [0, [1, 2, 3, 5]], some.err);
    assert.deepEqual(await ready(), [1, 2, 3, 5]);
    const stopped = await run('machine', 'stop', 'Machine #?', '--json');
    const { results } = JSON.parse(stopped.out);
    type Result = { id: number; ok: boolean; attributes: { friendly_status: string } };
    assert.deepEqual(
      results.map((one: Result) => [one.id, one.ok]).sort(),
      [1, 2, 3, 4, 5, 6].map((id) => [id, true]),
    );
  });

  it('are read from a file, and from standard input', async (t) => {
    const { run, environment, ready } = await start(t);
    const file = join(await temporaryFolder(t), 'names');
    await writeFile(file, 'Machine #1\r\n\n2-3\n');
    assert.equal((await run('machine', 'start', '--from', file)).code, 0);
    assert.deepEqual(await ready(), [1, 2, 3]);
    const typed = await piped(environment, 'Machine #1\n2\n', 'machine', 'stop', '-', '3');
    assert.deepEqual([typed.code, idsIn(typed.out)], [0, [1, 2, 3]], typed.err);
  });

  it('stay as they are when one word is unknown, ambiguous, too much or no list', async (t) => {
    const { run, runIn, ready, environment } = await start(t);
    for (const name of ['Twin', 'Twin', 'Other']) await run('image', 'install', '--name', name);
    const start1 = ['machine', 'start', '1'];
    await refuses(runIn, [
      [[...start1, '77'], /no machine 77/],
      [[...start1, '5-8'], /no machine [78]/],
      [[...start1, 'Machine 9'], /no machine named "Machine 9"/],
      [[...start1, 'render*'], /No machine has a name like "render\*"/],
      [[...start1, '3-1'], /empty range/],
      [[...start1, '1-5000'], /at most 1000 things/],
      [[...start1, '0'], /not an id/],
      [[...start1, '--from', '/nowhere'], /--from.*not there/],
      [[...start1, '-', '--from', '-'], /can be read once/],
      [['machine', 'start'], /Give the id or the name of the machine/],
      [['image', 'delete', 'Other', 'Twin', '--yes'], /2 images are named "Twin"/],
      [['image', 'delete', 'Other', '99', '--yes'], /no image 99/],
      [['image', 'restore', 'Other', '1'], /no deleted image/],
    ]);
    assert.deepEqual(await ready(), []);
    assert.equal(JSON.parse((await run('image', 'list', '--json')).out).count, 3);
    const long = await piped(environment, 'x'.repeat(2_000_000), 'machine', 'start', '-');
    assert.deepEqual([long.code, /longer than/.test(long.err)], [2, true]);
    const binary = await run('machine', 'start', '\u001b[2J');
    assert.deepEqual([binary.code, binary.err.includes('\u001b')], [3, false]);
  });

  it('have a result each; the status is 1 when some failed, and theirs when all failed alike', async (t) => {
    const { run } = await start(t);
    for (const name of ['A', 'B', 'C']) await run('image', 'install', '--name', name);
    await run('image', 'protect', 'B');
    const some = await run('image', 'delete', 'A', 'B', '--yes');
    assert.deepEqual([some.code, some.out], [1, 'Image 1 is deleted.\n']);
    assert.match(some.err, /^error: image 2 \(B\): .*protected.*\n1 of 2 images failed/);
    const alike = await run('image', 'delete', '[AB]', 'B', '--yes');
    assert.equal(alike.code, 3);
    const refused = await run('image', 'delete', '2,2', '--yes', '--json');
    assert.equal(refused.code, 5, refused.err);
    const [{ ok, error }] = JSON.parse(refused.out).results;
    assert.deepEqual([ok, error.kind, error.code], [false, 'conflict', 409]);
    assert.equal((await run('image', 'restore', '*', '--json')).code, 0);
    assert.equal(JSON.parse((await run('image', 'list', '--json')).out).count, 3);
  });
});
