// Adds transfers: images on their way out and in.

import { statements } from './statements.ts';

export const transfers = statements(`
create table transfer (
  id text primary key, organisation_id bigint not null references organisation (id), kind text not null, format text not null,
  image_id bigint references image (id), name text not null, status text not null, status_reason text, bytes bigint not null,
  received_bytes bigint not null, sha256 text, manifest text, signature text, created_at bigint not null, expires_at bigint not null);
create index transfer_expiry on transfer (expires_at)`);
