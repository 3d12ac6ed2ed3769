// Keeps the key of a quarantined layer beside it, for when its bytes are whole again.

import { statements } from './statements.ts';

export const lostKey = statements(`
alter table layer add column lost_key text`);
