// The first schema: organisations with their keys, the catalogue, layers, images, disks, machines
// and the queue of operations.

import { statements } from './statements.ts';

export const firstLight = statements(`
create table organisation (id IDENTITY, name text not null unique, created_at bigint not null);
create table access_key (
  id text primary key, organisation_id bigint not null references organisation (id), name text not null,
  secret_sealed text not null, master_key_id text not null, permissions text not null,
  created_at bigint not null, revoked_at bigint);
create table plan (
  id IDENTITY, name text not null unique, machine_type text not null, cpus integer not null, memory_mb integer not null,
  disk_size_gb integer not null, created_at bigint not null);
create table layer (
  id text primary key, kind text not null, parent_id text references layer (id), base_layer_id text not null, key text unique,
  state text not null, virtual_bytes bigint not null, stored_bytes bigint not null, operation_id bigint, created_at bigint not null);
create index layer_parent on layer (parent_id);
create table base_image (
  id IDENTITY, name text not null, size_gb double precision not null, layer_id text not null references layer (id), boot text not null,
  created_at bigint not null);
create table software (
  id IDENTITY, name text not null, size_gb double precision not null, recipe text not null, recipe_digest text not null,
  created_at bigint not null);
create table image (
  id IDENTITY, organisation_id bigint not null references organisation (id), name text not null, name_folded text not null,
  size_gb integer not null, status text not null, status_reason text, source text not null, layer_id text references layer (id),
  base_image_id bigint references base_image (id), machine_id bigint, created_at bigint not null, updated_at bigint not null,
  deleted_at bigint);
create index image_listed on image (organisation_id, id) where deleted_at is null;
create index image_layer on image (layer_id);
create table image_software (
  image_id bigint not null references image (id), software_id bigint not null references software (id), position integer not null,
  primary key (image_id, software_id));
create table build_step (
  image_id bigint not null references image (id), position integer not null, software_id bigint not null references software (id),
  cache text not null, exit_code integer, duration_ms bigint not null, output text not null, primary key (image_id, position));
create table disk (
  id text primary key, organisation_id bigint not null references organisation (id), machine_id bigint not null,
  layer_id text not null references layer (id), state text not null, size_gb integer not null, kept_until bigint, created_at bigint not null);
create index disk_machine on disk (machine_id);
create index disk_layer on disk (layer_id);
create table machine (
  id IDENTITY, organisation_id bigint not null references organisation (id), name text not null, name_folded text not null,
  plan_id bigint not null references plan (id), region text, machine_type text not null, cpus integer not null, memory_mb integer not null,
  disk_size_gb integer not null, file_storage_size_gb integer not null, status text not null, status_reason text,
  disk_id text references disk (id), assigned_image_id bigint references image (id), assignment_pending_at bigint,
  capturing_image_id bigint references image (id), stop_requested_at bigint, last_session_start_at bigint, permissions text not null,
  created_at bigint not null, updated_at bigint not null);
create index machine_listed on machine (organisation_id, id);
create index machine_assigned on machine (assigned_image_id);
create table operation (
  id IDENTITY, kind text not null, organisation_id bigint not null references organisation (id), image_id bigint references image (id),
  machine_id bigint references machine (id), state text not null, phase text not null, progress double precision not null,
  attempts integer not null, not_before bigint not null, lease_owner text, lease_until bigint, reason text, data text not null,
  created_at bigint not null, updated_at bigint not null);
create index operation_open on operation (kind, not_before) where state in ('queued', 'running');
create unique index operation_of_machine on operation (machine_id) where state in ('queued', 'running') and machine_id is not null;
create unique index operation_of_image on operation (image_id) where state in ('queued', 'running') and image_id is not null;
create table nonce (key_id text not null, nonce text not null, expires_at bigint not null, primary key (key_id, nonce));
create index nonce_expiry on nonce (expires_at)`);
