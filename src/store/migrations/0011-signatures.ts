// Remembers signatures instead of nonces. The signatures of requests that an older version took are
// not known, so the empty signature stands for all of a key's requests up to its time.

import { statements } from './statements.ts';

export const signatures = statements(`
create table signature (key_id text not null, signature text not null, expires_at bigint not null, primary key (key_id, signature));
create index signature_expiry on signature (expires_at);
insert into signature (key_id, signature, expires_at) select key_id, '', max(expires_at) from nonce group by key_id;
drop table nonce`);
