// Adds the audit trail, and the answers that are kept for a request that is sent again.

import { statements } from './statements.ts';

export const audit = statements(`
create table idempotency (
  key_id text not null, idempotency_key text not null, request_digest text not null, answer text not null, expires_at bigint not null,
  primary key (key_id, idempotency_key));
create index idempotency_expiry on idempotency (expires_at);
create table audit (
  id IDENTITY, organisation_id bigint not null references organisation (id), key_id text not null, action text not null,
  image_id bigint, machine_id bigint, request_id text not null, client_code integer not null, created_at bigint not null);
create index audit_listed on audit (organisation_id, created_at)`);
