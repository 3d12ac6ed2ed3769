// The settings of how long things are kept after their use.

import { decimal, whole } from '../cli/parse.ts';
import { inUnits, setting } from '../cli/setting.ts';
import { defaultSettings } from '../reconcile/context.ts';

const hourMs = 3600_000;
const dayMs = 24 * hourMs;
const days = (kept: number) => inUnits(dayMs, whole(1, 36_500), kept);

export const keepSettings = {
  keepHours: setting({
    option: '--keep-hours <number>',
    variable: 'SILVERSMITH_KEEP_HOURS',
    ...inUnits(hourMs, decimal(0, 24 * 365), defaultSettings.keepDiskMs),
    help: 'hours for which replaced disks are kept, and those of deleted machines',
  }),
  auditDays: setting({
    option: '--audit-days <number>',
    variable: 'SILVERSMITH_AUDIT_DAYS',
    ...days(defaultSettings.auditKeptMs),
    help: 'days for which the audit trail is kept',
  }),
  buildOutputDays: setting({
    option: '--build-output-days <number>',
    variable: 'SILVERSMITH_BUILD_OUTPUT_DAYS',
    ...days(defaultSettings.outputKeptMs),
    help: 'days for which the output of a build is kept, from the making of its image on',
  }),
  deletedDays: setting({
    option: '--deleted-days <number>',
    variable: 'SILVERSMITH_DELETED_DAYS',
    ...days(defaultSettings.deletedKeptMs),
    help: 'days for which the rows of deleted images and machines are kept, which nothing needs',
  }),
};
