// A demo server under load: the server in a process of its own, a fast client to it, and how to
// measure the process.

import { readdir, readFile } from 'node:fs/promises';
import { demoKey, demoServer, storeOf, withoutQuotas } from '../demo-server.ts';
import { waitFor } from '../support.ts';
import { loadClient } from './client.ts';

const quietMs = 120_000;

/** The memory of a process that is in use, in MB. */
export const residentMbOf = async (pid: number): Promise<number> =>
  Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

/**
 * Starts a demo server in an empty folder, and a client to it. Returns also how to measure its
 * process. The caller must close it.
 */
export async function underLoad(dataDir: string, connections: number, ...flags: string[]) {
  const server = demoServer(dataDir, ...flags);
  await server.start();
  const address = flags.indexOf('--database-url') + 1;
  const { withStore } = storeOf(dataDir, address > 0 ? flags[address] : undefined);
  await withStore((store) => store.write('system', withoutQuotas));
  const url = server.url();
  const client = loadClient({ url, ...(await demoKey(dataDir)) }, connections);
  return {
    url,
    pid: server.pid,
    ask: client.ask,
    /** Closes the connections of the client. */
    hangUp: client.close,
    withStore,
    residentMb: () => residentMbOf(server.pid()),
    descriptors: async () => (await readdir(`/proc/${server.pid()}/fd`)).length,
    async close() {
      client.close();
      await server.end('SIGTERM');
    },
  };
}

export type UnderLoad = Awaited<ReturnType<typeof underLoad>>;

/** Waits until no job is open. */
export const atRest = (on: UnderLoad, limitMs = quietMs) =>
  on.withStore((store) =>
    waitFor(
      'no job is open',
      async () => (await store.read('system', (work) => work.jobs.open(1))).length === 0,
      limitMs,
      100,
    ),
  );
