// Adds quotas, keys that expire, and links that open a machine's screen.

import { statements } from './statements.ts';

export const access = statements(`
alter table organisation add column quotas text not null default '{}';
alter table access_key add column expires_at bigint;
alter table access_key add column last_used_at bigint;
create table access_link (
  uid text primary key, token_hash text not null unique, organisation_id bigint not null references organisation (id),
  machine_id bigint not null references machine (id), key_id text not null, expires_at bigint not null, used_at bigint, created_at bigint not null);
create index access_link_expiry on access_link (expires_at)`);
