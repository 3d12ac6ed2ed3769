// Whether a machine's guest lives: a real guest whose kernel crashes. `npm run test:long` has the
// other ends.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import { call } from '../call.ts';
import { waitFor } from '../support.ts';
import { startAlive } from './alive.ts';
import { restMs } from './quick-server.ts';

describe('a machine whose kernel crashes', () => {
  it('is off with the reason and its console, and nothing of it is left on', async (t) => {
    const { inGuest, is, client, machine, engine, assertSound } = await startAlive(t);
    await waitFor(
      'its agent is heard',
      async () => (await engine.vitals?.look(call))?.get(machine as MachineId)?.heardAgoMs != null,
      restMs,
    );
    await inGuest('echo c >/proc/sysrq-trigger');
    const asked = performance.now();
    const { status_reason: reason } = await is('off');
    t.diagnostic(`off ${Math.round(performance.now() - asked)} ms after it was asked to crash`);
    assert.match(reason ?? '', /its kernel crashed.*sysrq triggered crash/s);
    assert.match((await client.machineConsole({ id: machine })).attributes.shown ?? '', /panic/);
    await assertSound();
  });
});
