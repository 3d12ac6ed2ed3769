// The policy of a machine on the wire: whether it starts again after its guest died, and when it
// stops because nobody uses it.

import { Type } from 'typebox';
import type { MachineId } from '../domain/ids.ts';
import { Enum } from './envelope.ts';
import { crashPolicies, Machine } from './machine.ts';
import { define, idParams } from './operation.ts';

/** A year. */
const autoStopMostS = 365 * 24 * 3600;

export const machinePolicyOperations = {
  machinePolicySet: define({
    method: 'POST',
    path: '/machines/{id}/policy',
    tag: 'Machines',
    summary:
      'Say when a machine stops because it is idle, and whether it starts again after its guest died',
    permission: 'machines:write',
    action: 'machine_policy_updated',
    params: idParams<MachineId>(),
    body: Type.Object({
      auto_stop_threshold: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: autoStopMostS,
          description: 'Seconds of idleness after which it stops; 0 is never',
        }),
      ),
      crash_policy: Type.Optional(
        Enum(crashPolicies, 'Whether it stays off or is started again when its guest died'),
      ),
    }),
    response: Machine.properties,
    errors: ['not_found'],
    extension: true,
  }),
} as const;
