// Adds the columns and tables for keeping and verifying layers: digests, marks for removal, room on
// the host, and orphans of an engine.

import { statements } from './statements.ts';

export const layers = statements(`
alter table layer add column digest text;
alter table layer add column verified_at bigint;
alter table layer add column used_at bigint;
alter table layer add column doomed_at bigint;
alter table layer add column fault text;
alter table disk add column image_id bigint;
alter table disk add column replaces_id text;
alter table disk add column stored_bytes bigint;
alter table disk add column doomed_at bigint;
alter table machine add column prior_image_id bigint;
alter table machine add column prior_pending_at bigint;
alter table image add column protected_at bigint;
create index image_deleted on image (deleted_at) where deleted_at is not null and layer_id is not null;
create table stranger (kind text not null, id text not null, bytes bigint not null, seen_at bigint not null, primary key (kind, id));
create table host (id integer primary key, total_bytes bigint not null, free_bytes bigint not null, seen_at bigint not null)`);
