// Indexes for large fleets: on the few rows of large tables that the reconciler looks for again and
// again, and on those that each request counts.

import { statements } from './statements.ts';

export const largeFleets = statements(`
drop index job_open;
create index job_open on job (kind, id) where state in ('queued', 'running');
create index job_running on job (id) where state = 'running';
create index image_unsettled on image (id) where status in ('pending', 'building') and deleted_at is null;
create index image_gone on image (id) where deleted_at is not null;
create index disk_listed on disk (organisation_id, state);
create index disk_state on disk (state, kept_until);
create index layer_marked on layer (deleting_at) where state = 'deleting';
create index layer_copy_without_digest on layer_copy (layer_id) where digest is null;
create index layer_copy_verified on layer_copy (verified_at);
create index layer_copy_never_verified on layer_copy (layer_id) where verified_at is null;
create index layer_copy_quarantined on layer_copy (layer_id) where state = 'quarantined'`);
