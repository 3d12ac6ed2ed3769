// Notes when a machine was seen to be paused because its host had no room.

import { statements } from './statements.ts';

export const paused = statements(`
alter table machine add column paused_at bigint`);
