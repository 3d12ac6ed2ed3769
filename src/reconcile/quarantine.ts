// A layer whose bytes are not what they were is quarantined: nothing begins to use it, and the images
// that stand on it fail with the reason, until its bytes have their digest again. Machines that are
// on keep running.

import { AppError } from '../domain/error.ts';
import type { LayerId } from '../domain/ids.ts';
import type { Layer } from '../domain/layer.ts';
import type { Work } from '../store/port.ts';
import type { Dependencies } from './context.ts';

const imagesLoggedMax = 100;

/**
 * Nothing begins to use the layer any more, and the images that stand on it say why. Idempotent.
 */
export async function quarantine(
  { store, log }: Pick<Dependencies, 'store' | 'log'>,
  layer: Layer,
  fault: string,
): Promise<void> {
  const images = await store.write('system', async (work) => {
    const now = await work.layers.find(layer.id);
    // It went while it was read, or is known to be bad: nothing new is told.
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
 * Reads a quarantined layer again; it is sealed, with the key that it had, when its bytes are those
 * whose digest was taken. False when they are not, or no digest was taken. Idempotent.
 */
export async function endQuarantine(
  { store, engine, log }: Pick<Dependencies, 'store' | 'engine' | 'log'>,
  layer: Layer,
  bytesPerSecond: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (layer.digest === null) return false;
  const digest = await engine
    .layerDigest(layer.id, bytesPerSecond, signal)
    .catch((error: unknown) => {
      signal.throwIfAborted();
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

/** Whether an import is about to write over it, or over what stands on it. */
async function isHealing(work: Work, id: LayerId): Promise<boolean> {
  for (const { layerId: healed } of await work.jobs.openOfKind('imageImport')) {
    if (healed !== null && (await work.layers.chain(healed)).some((layer) => layer.id === id))
      return true;
  }
  return false;
}
