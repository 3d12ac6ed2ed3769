// Whether layers are still what they were. A digest is taken of each soon after it is sealed,
// compared before the layer is first used for another machine's disk, and compared again on a
// schedule, slowly. A layer that is not what it was is quarantined: nothing begins to use it, and
// what stands on it says so, until its bytes are what they were. Machines that are on are left
// alone.

import { AppError } from '../../domain/error.ts';
import type { LayerId } from '../../domain/ids.ts';
import type { Layer } from '../../domain/layer.ts';
import type { Reader } from '../../store/port/unit-of-work.ts';
import type { Dependencies, Task } from '../task.ts';
import { NotYet } from '../workflow.ts';

const imagesLoggedMax = 100;

/**
 * Takes the digests of all layers that have none; then looks at one other: the scrub is spread over
 * its period by doing little, often.
 */
export const verify: Task = {
  everyMs: 10_000,
  async run(deps, signal) {
    const { store, clock, settings } = deps;
    for (const layer of await store.read('system', (work) => work.layers.withoutDigest()))
      await verifyLayer(deps, layer, settings.scrubBytesPerSecond, signal);
    const layer = await store.read('system', (work) =>
      work.layers.nextToScrub(clock.now() - settings.scrubEveryMs),
    );
    if (layer) await verifyLayer(deps, layer, settings.scrubBytesPerSecond, signal);
  },
};

/** Whether its bytes are there to be read: nobody makes, rewrites or removes them. */
export const isReadable = ({ state, jobId }: Layer): boolean =>
  (state === 'sealed' || state === 'quarantined') && jobId === null;

/**
 * Takes the digest of a layer that has none, or compares it; false when the layer is not what it
 * was. One in quarantine is read again.
 */
export async function verifyLayer(
  deps: Pick<Dependencies, 'store' | 'engine' | 'log'>,
  layer: Layer,
  bytesPerSecond: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { store, engine } = deps;
  if (layer.state === 'quarantined') return endQuarantine(deps, layer, bytesPerSecond, signal);
  let digest: string;
  try {
    digest = await engine.layerDigest(layer.id, bytesPerSecond, signal);
  } catch (error) {
    signal.throwIfAborted();
    // What may pass is no reason to distrust the layer.
    if (!(error instanceof AppError) || error.retry === 'later') throw error;
    await quarantine(deps, layer, 'cannot be read on the disk of the host');
    return false;
  }
  return store
    .write('system', async (work) => {
      const now = await work.layers.find(layer.id);
      // It went, or was rewritten, while it was read: what was read says nothing.
      if (now?.state !== 'sealed' || now.jobId !== null || now.digest !== layer.digest) return true;
      if (layer.digest === null) await work.layers.update(layer.id, { digest });
      else if (layer.digest === digest)
        await work.layers.update(layer.id, { verifiedAt: work.now() });
      else return null;
      return true;
    })
    .then(async (same) => {
      if (same === true) return true;
      await quarantine(deps, layer, 'is damaged: its bytes are not what they were');
      return false;
    });
}

/**
 * Compares every layer of a chain that nobody compared yet, before another machine's disk is made
 * on it. Throws `internal`.
 */
export async function verifyChain(
  deps: Dependencies,
  head: LayerId,
  signal: AbortSignal,
): Promise<void> {
  const chain = await deps.store.read('system', (work) => work.layers.chain(head));
  for (const layer of chain) {
    assertSound(layer);
    if (layer.verifiedAt !== null) continue;
    let current = layer;
    if (current.digest === null) {
      await verifyLayer(deps, current, 0, signal);
      current = await deps.store.read('system', (work) => work.layers.get(layer.id));
      // What was only now read for the first time has nothing to be compared with.
      await deps.store.write('system', (work) =>
        work.layers.update(layer.id, { verifiedAt: work.now() }),
      );
    } else if (!(await verifyLayer(deps, current, 0, signal))) {
      current = await deps.store.read('system', (work) => work.layers.get(layer.id));
    }
    assertSound(current);
  }
}

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
export async function assertStands(work: Reader, head: LayerId): Promise<void> {
  const layer = await work.layers.find(head);
  if (layer === undefined || layer.state === 'deleting' || layer.state === 'building')
    throw new NotYet(`layer ${head} left while it was about to be used`, againMs);
  for (const one of await work.layers.chain(head)) assertSound(one);
}

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
async function endQuarantine(
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
async function isHealing(work: Reader, id: LayerId): Promise<boolean> {
  for (const { data } of await work.jobs.openOfKind('imageImport')) {
    const healed = data.healLayerId as LayerId | undefined;
    if (healed !== undefined && (await work.layers.chain(healed)).some((layer) => layer.id === id))
      return true;
  }
  return false;
}
