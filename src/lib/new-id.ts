// Ids that the control plane chooses before anything exists under them.

import { randomBytes } from 'node:crypto';

/** 24 lower-case hexadecimal digits, 96 random bits. */
export const newId = <Id extends string>(): Id => randomBytes(12).toString('hex') as Id;
