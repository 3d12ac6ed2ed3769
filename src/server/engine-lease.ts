// The lease of a host-bound engine: one server at a time works it. The lock on the data directory
// keeps a second server of this host away; the lease keeps away a server of another host that has
// got a copy of the directory, or shares it over a network.

import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Store } from '../store/port/unit-of-work.ts';

const leaseMs = 30_000;
const renewMs = 10_000;
const leaseName = 'engine';

export interface EngineLease {
  /** Calls `lost` when another server has taken the lease, which it can when it was over. */
  onLost(lost: () => void): void;
  release(): Promise<void>;
}

/** Names this host and the folder, also after a restart; differs for a copy on another host. */
async function placeOf(dataDir: string): Promise<string> {
  const host = await readFile('/etc/machine-id', 'utf8').catch(() => '');
  return createHash('sha256')
    .update(JSON.stringify([host, hostname(), await realpath(dataDir)]))
    .digest('hex')
    .slice(0, 16);
}

/** Null when another server has the lease. `owner` is for tests. */
export async function takeEngineLease(
  store: Store,
  dataDir: string,
  owner?: string,
): Promise<EngineLease | null> {
  const own = owner ?? (await placeOf(dataDir));
  const take = (ms: number) =>
    store.write('system', (work) => work.jobs.takeLease(leaseName, own, ms));
  if (!(await take(leaseMs))) return null;
  let lost = () => {};
  const renewal = setInterval(async () => {
    // While the database does not answer, nobody else can take the lease either.
    const isOurs = await take(leaseMs).catch(() => true);
    if (isOurs) return;
    clearInterval(renewal);
    lost();
  }, renewMs);
  renewal.unref();
  return {
    onLost(call) {
      lost = call;
    },
    async release() {
      clearInterval(renewal);
      await take(0).catch(() => {});
    },
  };
}
