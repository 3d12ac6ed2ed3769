// Adds the generalisation of captures: an organisation's choice, and the report of what was
// cleared.

import { statements } from './statements.ts';

export const generalize = statements(`
alter table organisation add column generalize_at bigint;
alter table image add column report text`);
