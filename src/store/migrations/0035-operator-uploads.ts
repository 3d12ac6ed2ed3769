// Adds the files that operators send over their API, before anything is made of them.

import { statements } from './statements.ts';

export const operatorUploads = statements(`
create table operator_upload (
  id text primary key, bytes bigint not null, received_bytes bigint not null,
  created_at bigint not null, expires_at bigint not null)`);
