// Adds the digest of what a used link is looked through with, and to the audit trail where a caller
// came from and how long it stayed.

import { statements } from './statements.ts';

export const screen = statements(`
alter table access_link add column session_hash text;
create unique index access_link_session on access_link (session_hash);
alter table audit add column address text;
alter table audit add column duration_ms bigint`);
