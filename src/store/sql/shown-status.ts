// The status of a machine's row as callers see it: `shownOf` in the domain says the same of a
// machine. Filters and events use it, because a caller knows no other status.

import { sql } from 'kysely';
import type { MachineStatus } from '../../domain/machine.ts';

export const shownStatus = sql<MachineStatus>`case
  when status = 'ready' and (paused_at is not null or away_at is not null
    or rebooting_at is not null) then 'warming_up'
  else status end`;

/** Whether all rows that are stored with this status are shown with it, and no others are. */
export const isShownAsStored = (status: MachineStatus): boolean =>
  status !== 'ready' && status !== 'warming_up';
