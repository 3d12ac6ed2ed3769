// The context in which proofs call an engine themselves: without a job, to the end.

import { withoutJob } from '../src/engine/port/call.ts';

export const call = withoutJob();
