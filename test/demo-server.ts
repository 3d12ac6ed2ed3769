// A demo server on the simulator, in a process of its own, for many clients at once: it has no rate
// limit, and `withoutQuotas` lifts the quotas. It keeps its port when it is started again.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openExistingStore } from '../src/server/open.ts';
import { parseConfig } from '../src/server/options.ts';
import type { Store, Writer } from '../src/store/port/unit-of-work.ts';
import { serverProcess } from './server-process.ts';

export function demoServer(dataDir: string, ...given: string[]) {
  const { start, end, pid } = serverProcess();
  let port = 0;
  const flags = [
    '--demo',
    '--engine',
    'simulator',
    '--simulator-speed',
    '200',
    '--rate-limit',
    '0',
  ];
  return {
    url: () => `http://127.0.0.1:${port}`,
    async start() {
      const more = ['--data-dir', dataDir, '--port', String(port), '--log-level', 'silent'];
      port = Number(
        await start([...flags, ...more, ...given], /serves \S+:(\d+) .*The demo is ready/s),
      );
    },
    end,
    pid,
  };
}

export const demoKey = async (dataDir: string): Promise<{ key: string; secret: string }> =>
  JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));

/** The store of a server on the data directory; of one on a database when it has an address. */
export function storeOf(dataDir: string, databaseUrl?: string) {
  const environment = databaseUrl === undefined ? {} : { SILVERSMITH_DATABASE_URL: databaseUrl };
  const config = parseConfig({ dataDir, engine: 'simulator' }, environment);
  return {
    config,
    async withStore<Result>(work: (store: Store) => Promise<Result>): Promise<Result> {
      const { store } = await openExistingStore(config);
      return work(store).finally(() => store.close());
    },
  };
}

export async function withoutQuotas(work: Writer): Promise<void> {
  const [organisation] = await work.organisations.list();
  if (!organisation) throw new Error('the demo has no organisation');
  const most = 1_000_000;
  const quotas = { images: most, machines: most, builds: most, storedGb: most, keptGb: most };
  await work.organisations.setQuotas(organisation.id, quotas);
}
