// Takes the digests of all layers that have none, and then compares one other layer. Each run does a
// little, so that the scrub is spread over its period.

import type { Task } from '../task.ts';
import { verifyLayer } from '../verify.ts';

export const verify: Task = {
  everyMs: 10_000,
  scope: 'host',
  async run(context) {
    const { store, clock, settings, signal } = context;
    for (const layer of await store.read('system', (work) => work.layers.withoutDigest()))
      await verifyLayer(context, layer, settings.scrubBytesPerSecond, signal);
    const layer = await store.read('system', (work) =>
      work.layers.nextToScrub(clock.now() - settings.scrubEveryMs),
    );
    if (layer) await verifyLayer(context, layer, settings.scrubBytesPerSecond, signal);
  },
};
