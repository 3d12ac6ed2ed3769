// A layer is quarantined when its bytes are missing or do not have their digest. Then nothing
// begins to use the layer, and the images that stand on it fail with the reason. Machines that are
// on keep running. The quarantine ends when the bytes have their digest again.

import { AppError } from '../domain/error.ts';
import type { LayerId } from '../domain/ids.ts';
import type { Layer } from '../domain/layer.ts';
import type { Call } from '../engine/port/call.ts';
import type { Reader } from '../store/port/unit-of-work.ts';
import type { Dependencies } from './context.ts';

const imagesLoggedMax = 100;

/** Quarantines a layer, and fails the images that stand on it with the reason. Idempotent. */
export async function quarantine(
  { store, log }: Pick<Dependencies, 'store' | 'log'>,
  layer: Layer,
  fault: string,
): Promise<void> {
  const images = await store.write('system', async (work) => {
    const now = await work.layers.find(layer.id);
    // The layer was removed while it was read, or is quarantined already: there is nothing to tell.
    if (now === undefined || now.state !== layer.state || now.state === 'quarantined') return null;
    const change = {
      state: 'quarantined',
      fault,
      key: null,
      lostKey: now.key,
      deletingAt: null,
    } as const;
    await work.layers.update(layer.id, change);
    return work.images.failAbove(layer.id, `Its layer ${layer.id} ${fault}.`);
  });
  if (images === null) return;
  const shown = images.slice(0, imagesLoggedMax);
  log.error(
    { layer: layer.id, kind: layer.kind, images: shown, imageCount: images.length },
    `a layer ${fault}`,
  );
}

/**
 * Reads a quarantined layer again. When its bytes have their digest, the layer is sealed and gets
 * its key back. Returns false when they do not, and when no digest was ever taken. Idempotent.
 */
export async function endQuarantine(
  { store, engine, log }: Pick<Dependencies, 'store' | 'engine' | 'log'>,
  layer: Layer,
  bytesPerSecond: number,
  call: Call,
): Promise<boolean> {
  if (layer.digest === null || !engine.verify) return false;
  const digest = await engine.verify
    .digest({ layerId: layer.id, bytesPerSecond }, call)
    .catch((error: unknown) => {
      call.signal.throwIfAborted();
      if (!(error instanceof AppError) || error.retry === 'later') throw error;
      return null;
    });
  if (digest !== layer.digest) return false;
  const images = await store.write('system', async (work) => {
    const now = await work.layers.find(layer.id);
    if (now?.state !== 'quarantined' || now.digest !== digest || (await isHealing(work, layer.id)))
      return null;
    const taken = now.lostKey !== null && (await work.layers.byKey(now.lostKey)) !== undefined;
    const key = taken ? null : now.lostKey;
    await work.layers.update(layer.id, {
      state: 'sealed',
      fault: null,
      key,
      lostKey: null,
      verifiedAt: work.now(),
    });
    return work.images.healAbove(layer.id);
  });
  if (images)
    log.warn(
      { layer: layer.id, kind: layer.kind, images },
      'a layer is what it was, and is used again',
    );
  return images !== null;
}

/** Whether an open import is about to write over the layer, or over a layer that stands on it. */
async function isHealing(work: Reader, id: LayerId): Promise<boolean> {
  for (const { layerId: healed } of await work.jobs.openOfKind('imageImport')) {
    if (healed !== null && (await work.layers.chain(healed)).some((layer) => layer.id === id))
      return true;
  }
  return false;
}
