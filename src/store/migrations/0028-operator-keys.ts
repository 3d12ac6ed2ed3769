// Adds the keys of operators, the request that an operator's change came with, and the key that a
// change of an organisation was about.

import { statements } from './statements.ts';

export const operatorKeys = statements(`
create table operator_key (
  id text primary key, name text not null, secret_sealed text not null, master_key_id text not null,
  permissions text not null, created_at bigint not null, revoked_at bigint, expires_at bigint,
  last_used_at bigint);
alter table operator_audit add column request_id text;
alter table audit add column touched_key_id text`);
