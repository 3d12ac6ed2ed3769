// Adds the root file system of a machine's disk, as its guest says it.

import { statements } from './statements.ts';

export const rootSystems = statements('alter table machine add column root_system text');
