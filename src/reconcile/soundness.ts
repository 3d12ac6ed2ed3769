// Whether a layer may be used: checked where something begins to stand on it, and where a disk is
// about to be started.

import { AppError } from '../domain/error.ts';
import type { LayerId } from '../domain/ids.ts';
import type { Layer } from '../domain/layer.ts';
import type { Work } from '../store/port.ts';
import { NotYet } from './job.ts';

/** Throws `internal`, with what to do, for a layer that nothing may begin to use. */
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
 * For the transaction in which an image, a disk or a layer begins to stand on a layer: throws
 * unless every layer of its chain is sealed. NotYet for one that left in the meantime, so that the
 * job runs again and makes it anew; `internal` for one that is damaged.
 */
export async function assertStands(work: Work, head: LayerId): Promise<void> {
  const layer = await work.layers.find(head);
  if (layer === undefined || layer.state === 'deleting' || layer.state === 'building')
    throw new NotYet(`layer ${head} left while it was about to be used`, againMs);
  for (const one of await work.layers.chain(head)) assertSound(one);
}
