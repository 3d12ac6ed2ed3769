// Checks whether a layer may be used. A transaction in which something begins to stand on a layer
// asks this, and so does the start of a machine.

import { AppError } from '../domain/error.ts';
import type { LayerId } from '../domain/ids.ts';
import { faultOf, isUsable, type Layer, shownStateOf } from '../domain/layer.ts';
import type { Reader } from '../store/port/unit-of-work.ts';
import { NotYet } from './job.ts';

/** Throws `internal`, with the cure, unless the layer is sealed and a copy of it is sound. */
export function assertSound(layer: Layer): void {
  if (isUsable(layer)) return;
  const { id } = layer;
  throw new AppError(
    'internal',
    `Layer ${id} ${faultOf(layer) ?? `is ${shownStateOf(layer)}`}; bring the image back from an export, or assign another image.`,
    { detail: `layer ${id}` },
  );
}

const againMs = 1000;

/**
 * Asserts that every layer of a chain can be used. Call it in the transaction in which an image, a
 * disk or a layer begins to stand on the chain. Throws NotYet when the head was removed meanwhile,
 * so that the job runs again and makes the layer again; throws `internal` when a layer is damaged.
 */
export async function assertStands(work: Reader, head: LayerId): Promise<void> {
  const layer = await work.layers.find(head);
  if (layer === undefined || layer.state === 'deleting' || layer.state === 'building')
    throw new NotYet(`layer ${head} left while it was about to be used`, againMs);
  for (const one of await work.layers.chain(head)) assertSound(one);
}
