// Adds what several servers on one database share: the installation that they are, the signatures
// of reads, how many requests each key has sent, and which older servers may go on beside newer
// ones. A store that one server owns leaves these empty.

import { statements } from './statements.ts';

export const replicas = statements(`
create table installation (
  one integer primary key, id text not null, engine text not null, master_key_check text not null,
  signing_key_id text not null, transfers_id text, created_at bigint not null);
create UNLOGGED table read_signature (
  key_id text not null, signature text not null, expires_at bigint not null,
  primary key (key_id, signature));
create index read_signature_expiry on read_signature (expires_at);
create table schema_floor (one integer primary key, name text not null);
create UNLOGGED table request_rate (
  key_id text primary key, level double precision not null, at bigint not null)`);
