// Keeps the end of the console of each machine's last start that failed.

import { statements } from './statements.ts';

export const consoles = statements(`
create table machine_console (
  machine_id bigint primary key references machine (id), shown text not null, kept_at bigint not null)`);
