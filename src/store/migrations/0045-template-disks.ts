// Gives each template the size of the disk that it is for. Those that were made before have another
// fingerprint than the engine has now, so they leave by themselves.

import { statements } from './statements.ts';

export const templateDisks = statements(`
alter table template add column disk_size_gb bigint not null default 0;
drop index template_of;
create unique index template_of
  on template (layer_id, cpus, memory_mb, disk_size_gb, fingerprint, place)
  where state <> 'deleting'`);
