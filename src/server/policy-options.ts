// The settings of what machines do by themselves, unless a machine was given a policy of its own.

import { oneOf, whole } from '../cli/parse.ts';
import { setting } from '../cli/setting.ts';
import { autoStopMostS, crashPolicies } from '../domain/machine-life.ts';
import { defaultSettings } from '../reconcile/context.ts';

export const policySettings = {
  crashPolicy: setting({
    option: '--crash-policy <policy>',
    variable: 'SILVERSMITH_CRASH_POLICY',
    parse: oneOf(...crashPolicies),
    default: defaultSettings.machinePolicy.crashPolicy,
    help: 'what follows when the guest of a machine has died: off, or restart, a few times',
  }),
  autoStopMinutes: setting({
    option: '--auto-stop-minutes <number>',
    variable: 'SILVERSMITH_AUTO_STOP_MINUTES',
    parse: whole(0, autoStopMostS / 60),
    default: defaultSettings.machinePolicy.autoStopS / 60,
    help: 'minutes without use after which a machine is stopped; 0: never',
  }),
};
