// The schema's history. A released migration is never edited; a change is a new entry at the end.
// Written in SQL that SQLite and PostgreSQL both take, but for the identity column, which the
// dialect names.

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { fold } from './sql/fold.ts';

const statements = (identity: string, columns: string) => columns.replaceAll('IDENTITY', identity);

const first = `
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
create index nonce_expiry on nonce (expires_at)`;

const second = `
create table idempotency (
  key_id text not null, idempotency_key text not null, request_digest text not null, answer text not null, expires_at bigint not null,
  primary key (key_id, idempotency_key));
create index idempotency_expiry on idempotency (expires_at);
create table audit (
  id IDENTITY, organisation_id bigint not null references organisation (id), key_id text not null, action text not null,
  image_id bigint, machine_id bigint, request_id text not null, client_code integer not null, created_at bigint not null);
create index audit_listed on audit (organisation_id, created_at)`;

const third = `
alter table organisation add column quotas text not null default '{}';
alter table access_key add column expires_at bigint;
alter table access_key add column last_used_at bigint;
create table access_link (
  uid text primary key, token_hash text not null unique, organisation_id bigint not null references organisation (id),
  machine_id bigint not null references machine (id), key_id text not null, expires_at bigint not null, used_at bigint, created_at bigint not null);
create index access_link_expiry on access_link (expires_at)`;

const fourth = `
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
create table host (id integer primary key, total_bytes bigint not null, free_bytes bigint not null, seen_at bigint not null)`;

const fifth = `
create table transfer (
  id text primary key, organisation_id bigint not null references organisation (id), kind text not null, format text not null,
  image_id bigint references image (id), name text not null, status text not null, status_reason text, bytes bigint not null,
  received_bytes bigint not null, sha256 text, manifest text, signature text, created_at bigint not null, expires_at bigint not null);
create index transfer_expiry on transfer (expires_at)`;

const sixth = `
alter table organisation add column generalize_at bigint;
alter table image add column report text`;

const seventh = `
create table hold (what text primary key, until bigint not null)`;

const eighth = `
alter table layer add column lost_key text`;

// A hold belongs to its holder, since two backups may overlap; those that stand go on. `steady` has
// the newest time of a clock that ran steadily, and which removal waits for it. A transfer that is
// deleted is hidden, until the collector has removed its file.
const ninth = `
create table held (what text not null, holder text not null, until bigint not null, primary key (what, holder));
insert into held (what, holder, until) select what, '', until from hold;
drop table hold;
alter table held rename to hold;
create table steady (id integer primary key, seen_at bigint not null, waiting text, brakes text not null default '{}');
insert into steady (id, seen_at) select id, seen_at from host;
alter table transfer add column deleted_at bigint`;

/** A base on which something stands is taken for one that works: nobody tried it before. */
const tenth = `
alter table base_image add column proved_at bigint;
alter table base_image add column failed_at bigint;
update base_image set proved_at = created_at where
  exists (select 1 from layer where layer.parent_id = base_image.layer_id and layer.state = 'sealed')
  or exists (select 1 from disk where disk.layer_id = base_image.layer_id and disk.state in ('active', 'kept'))
  or exists (select 1 from image where image.layer_id = base_image.layer_id);
alter table audit add column transfer_id text;
create index audit_created on audit (created_at)`;

// Signatures are remembered instead of nonces. Those of requests that an older version took are not
// known: the empty one stands for all of a key's up to its time.
const eleventh = `
create table signature (key_id text not null, signature text not null, expires_at bigint not null, primary key (key_id, signature));
create index signature_expiry on signature (expires_at);
insert into signature (key_id, signature, expires_at) select key_id, '', max(expires_at) from nonce group by key_id;
drop table nonce`;

/** When a machine was seen to be paused because its host had no room. */
const twelfth = `
alter table machine add column paused_at bigint`;

/**
 * How a chain boots belongs to its root. A root that is no base stands alone and boots by its
 * firmware. A capture belongs to the organisation of what stands on it. A transfer's file is
 * counted while it is there, or may still be written.
 */
const thirteenth = `
alter table layer add column boot text;
alter table layer add column organisation_id bigint references organisation (id);
alter table transfer add column held_bytes bigint not null default 0;
update layer set boot = (select max(boot) from base_image where base_image.layer_id = layer.id) where id = base_layer_id;
update layer set boot = '{"mode":"firmware"}' where id = base_layer_id and boot is null;
alter table base_image drop column boot;
with recursive needed (id, organisation_id) as (
  select layer_id, organisation_id from image where layer_id is not null
  union select layer_id, organisation_id from disk
  union select layer.parent_id, needed.organisation_id from layer join needed on layer.id = needed.id where layer.parent_id is not null)
  update layer set organisation_id = (select min(needed.organisation_id) from needed where needed.id = layer.id) where kind = 'capture';
create index layer_organisation on layer (organisation_id);
update transfer set held_bytes = bytes where kind = 'export' or status = 'receiving' or status = 'building'`;

/** The end of the console of each machine's last start that failed. */
const fourteenth = `
create table machine_console (
  machine_id bigint primary key references machine (id), shown text not null, kept_at bigint not null)`;

/** One word for one thing: tables, columns and states get the names that the code has. */
const sixteenth = `
drop index operation_open;
drop index operation_of_machine;
drop index operation_of_image;
alter table operation rename to job;
create index job_open on job (kind, not_before) where state in ('queued', 'running');
create unique index job_of_machine on job (machine_id) where state in ('queued', 'running') and machine_id is not null;
create unique index job_of_image on job (image_id) where state in ('queued', 'running') and image_id is not null;
alter table layer rename column operation_id to job_id;
alter table layer rename column doomed_at to deleting_at;
alter table disk rename column doomed_at to deleting_at;
update layer set state = 'deleting' where state = 'doomed';
update disk set state = 'deleting' where state = 'doomed';
alter table stranger rename to orphan;
alter table hold rename to "freeze";
alter table plan rename column machine_type to code;
alter table plan rename to machine_type;
alter table machine rename column plan_id to machine_type_id`;

const migration = (identity: string, text: string): Migration => ({
  async up(db: Kysely<unknown>) {
    for (const statement of statements(identity, text).split(/;\s*\n/))
      await sql.raw(statement).execute(db);
  },
});

/** Writes the form in which names are searched anew, where it has become another one. */
const refold: Migration = {
  async up(db: Kysely<unknown>) {
    for (const table of ['image', 'machine']) {
      type Named = { id: number; name: string; folded: string };
      const { rows } =
        await sql<Named>`select id, name, name_folded as folded from ${sql.table(table)}`.execute(
          db,
        );
      for (const { id, name, folded } of rows)
        if (fold(name) !== folded)
          await sql`update ${sql.table(table)} set name_folded = ${fold(name)} where id = ${id}`.execute(
            db,
          );
    }
  },
};

/**
 * `identity` is how the dialect declares a primary key that counts up and never uses a number
 * again.
 */
export const migrations = (identity: string): Record<string, Migration> => ({
  '0001-first-light': migration(identity, first),
  '0002-audit': migration(identity, second),
  '0003-access': migration(identity, third),
  '0004-layers': migration(identity, fourth),
  '0005-transfers': migration(identity, fifth),
  '0006-generalize': migration(identity, sixth),
  '0007-hold': migration(identity, seventh),
  '0008-lost-key': migration(identity, eighth),
  '0009-holders': migration(identity, ninth),
  '0010-proved-bases': migration(identity, tenth),
  '0011-signatures': migration(identity, eleventh),
  '0012-paused': migration(identity, twelfth),
  '0013-roots-and-owners': migration(identity, thirteenth),
  '0014-consoles': migration(identity, fourteenth),
  '0015-folded-names': refold,
  '0016-words': migration(identity, sixteenth),
});
