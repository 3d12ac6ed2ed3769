// Adds since when a job is to end without a result.

import { statements } from './statements.ts';

export const cancelledJobs = statements(`
alter table job add column cancel_requested_at bigint`);
