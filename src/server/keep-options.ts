// The settings of how long things are kept after their use, and of how often layers are verified.

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
  cacheGb: setting({
    option: '--cache-gb <number>',
    variable: 'SILVERSMITH_CACHE_GB',
    ...inUnits(1024 ** 3, decimal(0, 1e6), defaultSettings.cacheBytesMax),
    help: 'the most GB that layers of installed titles may take when no image needs them',
  }),
  scrubDays: setting({
    option: '--scrub-days <number>',
    variable: 'SILVERSMITH_SCRUB_DAYS',
    ...inUnits(dayMs, decimal(0, 3650), defaultSettings.scrubEveryMs),
    help: 'days within which each layer is compared with its digest again',
  }),
  scrubMbPerSecond: setting({
    option: '--scrub-mb-per-second <number>',
    variable: 'SILVERSMITH_SCRUB_MB_PER_SECOND',
    ...inUnits(1024 ** 2, decimal(0, 1e5), defaultSettings.scrubBytesPerSecond),
    help: 'how fast layers are read for that comparison, at most',
  }),
};
