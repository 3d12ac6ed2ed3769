// Adds the life of a machine: its policies, its crashes, and what is known of its guest.

import { statements } from './statements.ts';

export const machineLives = statements(`
alter table machine add column crash_policy text;
alter table machine add column auto_stop_s bigint;
alter table machine add column crash_count bigint not null default 0;
alter table machine add column crashed_at bigint;
alter table machine add column restart_at bigint;
alter table machine add column rebooting_at bigint;
alter table machine add column silent_at bigint;
alter table machine add column idle_at bigint;
create index machine_restarting on machine (restart_at) where restart_at is not null`);
