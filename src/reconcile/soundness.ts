// Checks whether a layer may be used. A transaction in which something begins to stand on a layer
// asks this, and so does the start of a machine.

import { AppError } from '../domain/error.ts';
import type { LayerId } from '../domain/ids.ts';
import type { Layer } from '../domain/layer.ts';
import type { Reader } from '../store/port/unit-of-work.ts';
import { NotYet } from './job.ts';

/** Throws `internal`, with the cure, when the layer is not sealed. */
export function assertSound({ id, state, fault }: Layer): void {
  if (state === 'sealed') return;
  throw new AppError(
    'internal',
    `Layer ${id} ${fault ?? `is ${state}`}; bring the image back from an export, or assign another image.`,
    { detail: `layer ${id}` },
  );
}

const againMs = 1000;

/**
 * Asserts that every layer of a chain is sealed. Call it in the transaction in which an image, a
 * disk or a layer begins to stand on the chain. Throws NotYet when the head was removed meanwhile,
 * so that the job runs again and makes it anew; throws `internal` when a layer is damaged.
 */
export async function assertStands(work: Reader, head: LayerId): Promise<void> {
  const layer = await work.layers.find(head);
  if (layer === undefined || layer.state === 'deleting' || layer.state === 'building')
    throw new NotYet(`layer ${head} left while it was about to be used`, againMs);
  for (const one of await work.layers.chain(head)) assertSound(one);
}
