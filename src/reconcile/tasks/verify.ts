// Takes the digests of all layer copies that have none, and then compares one other copy. Each run
// does a little, so that the scrub is spread over its period.

import { copyAt } from '../../domain/layer.ts';
import { localPlace } from '../../domain/layer-copy.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Task } from '../task.ts';
import { verifyCopy } from '../verify.ts';

export const verify: Task = {
  everyMs: 10_000,
  scope: 'host',
  async run(context) {
    const { store, engine, clock, settings, signal } = context;
    if (!engine.verify) return;
    const call = withoutJob(signal);
    const bytesPerSecond = settings.scrubBytesPerSecond;
    for (const { layerId } of await store.read('system', (work) =>
      work.layerCopies.withoutDigest(),
    )) {
      // A start may have read it since it was listed.
      const layer = await store.read('system', (work) => work.layers.find(layerId));
      const copy = layer && copyAt(layer, localPlace);
      if (copy?.digest === null) await verifyCopy(context, copy, bytesPerSecond, call);
    }
    const next = await store.read('system', (work) =>
      work.layerCopies.nextToScrub(clock.now() - settings.scrubEveryMs),
    );
    if (next) await verifyCopy(context, next, bytesPerSecond, call);
  },
};
