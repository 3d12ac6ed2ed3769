// Takes the digests of all layers that have none, and then compares one other layer. Each run does
// a little, so that the scrub is spread over its period.

import { withoutJob } from '../../engine/port/call.ts';
import type { Task } from '../task.ts';
import { verifyLayer } from '../verify.ts';

export const verify: Task = {
  everyMs: 10_000,
  scope: 'host',
  async run(context) {
    const { store, engine, clock, settings, signal } = context;
    if (!engine.verify) return;
    const call = withoutJob(signal);
    for (const layer of await store.read('system', (work) => work.layers.withoutDigest()))
      await verifyLayer(context, layer, settings.scrubBytesPerSecond, call);
    const layer = await store.read('system', (work) =>
      work.layers.nextToScrub(clock.now() - settings.scrubEveryMs),
    );
    if (layer) await verifyLayer(context, layer, settings.scrubBytesPerSecond, call);
  },
};
