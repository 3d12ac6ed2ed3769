// A copy of a layer is quarantined when its bytes are missing or do not have their digest. When the
// layer has no other sound copy, nothing begins to use it, and the images that stand on it fail
// with the reason. Machines that are on keep running. The quarantine ends when the bytes have their
// digest again.

import { AppError } from '../domain/error.ts';
import type { ImageId, LayerId } from '../domain/ids.ts';
import { copyAt, isUsable, type Layer } from '../domain/layer.ts';
import type { LayerCopy, LayerCopyRef } from '../domain/layer-copy.ts';
import type { Call } from '../engine/port/call.ts';
import type { Reader } from '../store/port/unit-of-work.ts';
import type { Dependencies } from './context.ts';
import { layerChanged } from './job-events.ts';

const imagesLoggedMax = 100;

/** The fault of a copy whose file is gone, as the end of a sentence. */
export const missing = 'is missing on the disk of the host';

type Change = { layer: Layer; images: ImageId[] };

/**
 * Quarantines a copy. When the layer has no other sound copy, it loses its key, and the images that
 * stand on it fail with the reason. Does nothing when the layer is no longer in the state `from`,
 * or the copy is quarantined already. A layer that is marked for removal loses that mark.
 */
export async function quarantine(
  { store, log }: Pick<Dependencies, 'store' | 'log'>,
  copy: LayerCopyRef,
  fault: string,
  from: 'sealed' | 'deleting' = 'sealed',
): Promise<void> {
  const changed = await store.write('system', async (work): Promise<Change | null> => {
    const layer = await work.layers.find(copy.layerId);
    // Report nothing: the layer was removed while it was read, or is quarantined already.
    if (layer?.state !== from || (from === 'sealed' && isQuarantinedAt(layer, copy))) return null;
    await work.layerCopies.update(copy, { state: 'quarantined', fault });
    await work.layers.update(layer.id, { state: 'sealed', deletingAt: null });
    if (isUsable(await work.layers.get(layer.id))) return { layer, images: [] };
    await work.layers.update(layer.id, { key: null, lostKey: layer.key });
    const images = await work.images.failAbove(layer.id, `Its layer ${layer.id} ${fault}.`);
    await layerChanged(work, 'layer.damaged', layer.id, images);
    return { layer, images };
  });
  if (changed === null) return;
  const { layer, images } = changed;
  const shown = images.slice(0, imagesLoggedMax);
  log.error(
    { layer: layer.id, kind: layer.kind, images: shown, imageCount: images.length },
    `a layer ${fault}`,
  );
}

const isQuarantinedAt = (layer: Layer, { place }: LayerCopyRef) =>
  copyAt(layer, place)?.state === 'quarantined';

/**
 * Reads a quarantined copy again. When its bytes have their digest, the copy is used again, and the
 * layer gets its key back. Returns false when they do not, and when no digest was ever taken.
 * Idempotent.
 */
export async function endQuarantine(
  { store, engine, log }: Pick<Dependencies, 'store' | 'engine' | 'log'>,
  copy: LayerCopy,
  bytesPerSecond: number,
  call: Call,
): Promise<boolean> {
  if (copy.digest === null || !engine.verify) return false;
  const digest = await engine.verify
    .digest({ layerId: copy.layerId, bytesPerSecond }, call)
    .catch((error: unknown) => {
      call.signal.throwIfAborted();
      if (!(error instanceof AppError) || error.retry === 'later') throw error;
      return null;
    });
  if (digest !== copy.digest) return false;
  const changed = await store.write('system', async (work): Promise<Change | null> => {
    const layer = await work.layers.find(copy.layerId);
    if (layer?.state !== 'sealed' || !isQuarantinedAt(layer, copy)) return null;
    if (copyAt(layer, copy.place)?.digest !== digest || (await isHealing(work, layer.id)))
      return null;
    const taken = layer.lostKey !== null && (await work.layers.byKey(layer.lostKey)) !== undefined;
    const verified = { state: 'sound', fault: null, verifiedAt: work.now() } as const;
    await work.layerCopies.update(copy, verified);
    const key = layer.key ?? (taken ? null : layer.lostKey);
    await work.layers.update(layer.id, { key, lostKey: null });
    const images = await work.images.healAbove(layer.id);
    await layerChanged(work, 'layer.healed', layer.id, images);
    return { layer, images };
  });
  if (changed)
    log.warn(
      { layer: changed.layer.id, kind: changed.layer.kind, images: changed.images },
      'a layer is what it was, and is used again',
    );
  return changed !== null;
}

/** Whether an open import is about to write over the layer, or over a layer that stands on it. */
async function isHealing(work: Reader, id: LayerId): Promise<boolean> {
  for (const { layerId: healed } of await work.jobs.openOfKind('imageImport')) {
    if (healed !== null && (await work.layers.chain(healed)).some((layer) => layer.id === id))
      return true;
  }
  return false;
}
