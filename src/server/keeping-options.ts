// The settings of what is kept and how long, and of how often it is verified.

import { decimal, whole } from '../cli/parse.ts';
import { inUnits, setting } from '../cli/setting.ts';
import { defaultSettings } from '../reconcile/context.ts';

const hourMs = 3600_000;
const dayMs = 24 * hourMs;

export const keepingSettings = {
  keepHours: setting({
    option: '--keep-hours <number>',
    variable: 'SILVERSMITH_KEEP_HOURS',
    ...inUnits(hourMs, decimal(0, 24 * 365), defaultSettings.keepDiskMs),
    help: 'hours for which replaced disks are kept',
  }),
  auditDays: setting({
    option: '--audit-days <number>',
    variable: 'SILVERSMITH_AUDIT_DAYS',
    ...inUnits(dayMs, whole(1, 36_500), defaultSettings.auditKeptMs),
    help: 'days for which the audit trail is kept',
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
