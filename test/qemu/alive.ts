// Starts a server with one machine that is ready, and whose guest has an agent and reports panics.

import assert from 'node:assert/strict';
import type { MachineId } from '../../src/domain/ids.ts';
import { call } from '../call.ts';
import { type Scope, waitFor } from '../support.ts';
import { guests } from './quick-base.ts';
import { restMs, startQuick } from './quick-server.ts';

export async function startAlive(t: Scope) {
  const quick = await startQuick(t, { guest: guests.lives });
  const { client, machine, engine } = quick;
  assert.equal((await quick.turn(true)).friendly_status, 'ready');
  return {
    ...quick,
    /** Runs a script in the guest without waiting for it, because it may end the guest. */
    async inGuest(script: string) {
      const command = ['sh', '-c', `(sleep 1; ${script}) >/dev/null 2>&1 </dev/null &`];
      await engine.exec?.run({ machineId: machine as MachineId, command }, call);
    },
    /** Waits until the machine is shown with a status, and returns how it is shown. */
    is: (status: string) =>
      waitFor(
        `it is ${status}`,
        async () => {
          const { attributes } = await client.machineGet({ id: machine });
          return attributes.friendly_status === status && attributes;
        },
        restMs,
      ),
  };
}
