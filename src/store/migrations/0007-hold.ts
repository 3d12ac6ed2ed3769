// Adds holds, with which a backup keeps jobs from changing files. Later migrations rename them.

import { statements } from './statements.ts';

export const hold = statements(`
create table hold (what text primary key, until bigint not null)`);
