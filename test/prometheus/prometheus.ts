// A real Prometheus with the rules of docs/guide/alerts.yml, which scrapes one server. It listens
// on loopback, keeps its data in a temporary folder, and ends with the test.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../postgres/server.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';

const readyMostMs = 30_000;

export const rulesFile = new URL('../../docs/guide/alerts.yml', import.meta.url).pathname;
export const casesFile = new URL('./alerts.yml', import.meta.url).pathname;

const missing = (error: NodeJS.ErrnoException) =>
  error.code === 'ENOENT'
    ? new Error('Prometheus is missing; install it with: bash tools/setup --prometheus')
    : error;

/** Runs Prometheus's own checker. Throws with what it said when it finds a fault. */
export async function promtool(...given: string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('promtool', given);
    return stdout;
  } catch (error) {
    throw missing(error as NodeJS.ErrnoException);
  }
}

interface Sample {
  metric: Record<string, string>;
  value: [time: number, value: string];
}

interface Rule {
  name: string;
  health: string;
  state: string;
}

/** `target` is the address of the server, as HOST:PORT. */
export async function startPrometheus(t: Scope, target: string) {
  const folder = await temporaryFolder(t);
  const address = `127.0.0.1:${await freePort()}`;
  const file = join(folder, 'prometheus.yml');
  const text = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [rulesFile],
    scrape_configs: [{ job_name: 'silversmith', static_configs: [{ targets: [target] }] }],
  };
  // JSON is YAML.
  await writeFile(file, JSON.stringify(text));
  await promtool('check', 'config', file);
  const child = spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  child.once('error', () => {});
  defer(t, async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  });
  const get = async <Data>(path: string): Promise<Data> => {
    const answer = await fetch(`http://${address}/api/v1/${path}`);
    const { data, error } = (await answer.json()) as { data: Data; error?: string };
    if (error !== undefined) throw new Error(`${path}: ${error}`);
    return data;
  };
  await waitFor(
    'Prometheus answers',
    () =>
      fetch(`http://${address}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    readyMostMs,
  );
  return {
    /** The samples of an expression now. Throws what Prometheus says when it cannot be read. */
    async query(expression: string): Promise<Sample[]> {
      return (await get<{ result: Sample[] }>(`query?query=${encodeURIComponent(expression)}`))
        .result;
    },
    async rules(): Promise<Rule[]> {
      return (await get<{ groups: { rules: Rule[] }[] }>('rules')).groups.flatMap(
        ({ rules }) => rules,
      );
    },
  };
}
