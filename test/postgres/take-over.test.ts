// The work of a server that is killed is done by another one, when the lease of the first is over.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';
import type { Replica } from './replica-process.ts';
import { startReplicas } from './replicas.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

const program = new URL('./replica-process.ts', import.meta.url).pathname;

/** A server in a process of its own, which keeps the jobs that it claims until it is killed. */
async function startBusy(t: Scope, replica: Replica) {
  const child = spawn(process.execPath, [program, JSON.stringify(replica)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  defer(t, () => child.kill('SIGKILL'));
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  await waitFor('the other process works', () => printed.includes('works'), 60_000);
  return child;
}

/** So long that a busy machine does not let it pass. */
const leaseMs = 5000;

describe('a server that is killed with a claimed job', () => {
  it('keeps it while it lives, and leaves it to another server after its lease', async (t) => {
    const url = await server.database();
    const s = await startReplicas(t, url, { count: 1, settings: { leaseMs } });
    // The first server only answers, so that the process gets the job.
    await s.service.reconciler.stop();
    const dataDir = join(await temporaryFolder(t), 'copy');
    await cp(s.dataDir, dataDir, { recursive: true });
    const busy = await startBusy(t, { dataDir, url, leaseMs });
    const [id = 0] = s.machines;
    await s.call('machineStart', { params: { id } });
    const jobs = () => server.query('select * from job', url);
    const claimed = await waitFor('the process claims the job', async () => {
      const [job] = await jobs();
      return job?.state === 'running' && job;
    });
    await s.join();
    // After its first lease it is still the first owner's, who renews it.
    await waitFor('it is renewed', async () => {
      const [job] = await jobs();
      assert.deepEqual([job?.lease_owner, job?.attempts], [claimed.lease_owner, claimed.attempts]);
      return Number(job?.lease_until) > Number(claimed.lease_until) + leaseMs;
    });
    const killedAt = performance.now();
    busy.kill('SIGKILL');
    await waitFor(
      'the job is done',
      async () => (await jobs())[0]?.state === 'done',
      leaseMs + 60_000,
    );
    t.diagnostic(`done ${Math.round(performance.now() - killedAt)} ms after the kill`);
    const [done] = await jobs();
    assert.equal(Number(done?.attempts), Number(claimed.attempts) + 1);
    assert.notEqual(done?.lease_owner, claimed.lease_owner);
    await s.machineIs(id, 'ready');
  });
});
