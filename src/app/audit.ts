// The audit trail, read by callers. touched.ts writes it.

import { invalid } from '../domain/error.ts';
import type { MachineId } from '../domain/ids.ts';
import type { ReadContext } from './context.ts';

const auditEntriesMax = 1000;
const defaultDaysMs = 30 * 24 * 3600_000;

interface AuditQuery {
  startDate?: string | undefined;
  endDate?: string | undefined;
  actions?: readonly string[] | undefined;
  machineId?: MachineId | undefined;
  /** The id of an entry; what follows it is asked for. */
  before?: number | undefined;
}

/**
 * Lists the newest entries first. Without dates it looks at the last 30 days; a date without a time
 * means the whole day. Throws `invalid`.
 */
export async function userActionLogList(
  { work, now }: ReadContext,
  { startDate, endDate, actions, machineId, before }: AuditQuery,
) {
  const to = endDate === undefined ? now() : parseDate('end_date', endDate, 24 * 3600_000 - 1);
  const from = startDate === undefined ? to - defaultDaysMs : parseDate('start_date', startDate, 0);
  if (from > to) throw invalid('start_date is after end_date; exchange them.');
  return {
    ...(await work.audit.list({ from, to, actions, machineId, before, limit: auditEntriesMax })),
    from,
    to,
  };
}

function parseDate(field: string, text: string, dayMs: number): number {
  const day = /^\d{4}-\d\d-\d\d$/.test(text);
  const time = day || /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw invalid(
      `${field} is ${JSON.stringify(text)}; give a date such as 2026-02-04 or 2026-02-04T12:00:00Z.`,
    );
  return time + (day ? dayMs : 0);
}
