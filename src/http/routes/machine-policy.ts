// The policy of machines, between the wire and the application.

import { machinePolicySet } from '../../app/machine-policy.ts';
import type { Handlers } from '../handler.ts';
import { presentMachine } from './machine.ts';

export const machinePolicyHandlers: Handlers<'machinePolicySet'> = {
  machinePolicySet: async (context, { params, body }) =>
    presentMachine(
      await machinePolicySet(context, params.id, {
        autoStopS: body.auto_stop_threshold,
        crashPolicy: body.crash_policy,
      }),
    ),
};
