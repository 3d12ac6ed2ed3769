// Notes on which host a machine's disk is, and since when that host has not answered.

import { statements } from './statements.ts';

export const places = statements(`
alter table machine add column place text;
alter table machine add column away_at bigint`);
