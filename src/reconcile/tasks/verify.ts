// Takes the digests of all layer copies that have none, and then compares one other copy. Each run does a
// little, so that the scrub is spread over its period.

import type { Task } from '../task.ts';
import { verifyCopy } from '../verify.ts';

export const verify: Task = {
  everyMs: 10_000,
  scope: 'host',
  async run(context) {
    const { store, clock, settings, signal } = context;
    const bytesPerSecond = settings.scrubBytesPerSecond;
    for (const copy of await store.read('system', (work) => work.layerCopies.withoutDigest()))
      await verifyCopy(context, copy, bytesPerSecond, signal);
    const next = await store.read('system', (work) =>
      work.layerCopies.nextToScrub(clock.now() - settings.scrubEveryMs),
    );
    if (next) await verifyCopy(context, next, bytesPerSecond, signal);
  },
};
