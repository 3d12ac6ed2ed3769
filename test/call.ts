// The context in which tests call an engine directly: without a job or a signal.

import { withoutJob } from '../src/engine/port/call.ts';

export const call = withoutJob();
