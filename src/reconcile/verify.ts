// Compares the bytes of layers with their digests. A digest is taken soon after a layer is sealed.
// It is compared before another machine's disk is first made on the layer, and on a schedule.

import { AppError } from '../domain/error.ts';
import type { LayerId } from '../domain/ids.ts';
import { copyAt, type Layer } from '../domain/layer.ts';
import { type LayerCopy, localPlace } from '../domain/layer-copy.ts';
import type { Call } from '../engine/port/call.ts';
import type { Dependencies } from './context.ts';
import type { JobContext } from './job.ts';
import { endQuarantine, quarantine } from './quarantine.ts';
import { assertSound } from './soundness.ts';

/** Whether the layer's bytes can be read, because no job makes, rewrites or removes them. */
export const isReadable = ({ state, jobId }: Layer): boolean =>
  state === 'sealed' && jobId === null;

/**
 * Compares a copy with its digest, or takes the digest of a copy that has none. A copy that does
 * not match is quarantined; a quarantined copy that matches is used again. Returns whether the copy
 * is sound.
 */
export async function verifyCopy(
  deps: Pick<Dependencies, 'store' | 'engine' | 'log'>,
  copy: LayerCopy,
  bytesPerSecond: number,
  call: Call,
): Promise<boolean> {
  const { store, engine } = deps;
  if (copy.state === 'quarantined') return endQuarantine(deps, copy, bytesPerSecond, call);
  if (!engine.verify) return true;
  let digest: string;
  try {
    digest = await engine.verify.digest({ layerId: copy.layerId, bytesPerSecond }, call);
  } catch (error) {
    call.signal.throwIfAborted();
    // An error that may pass says nothing about the copy.
    if (!(error instanceof AppError) || error.retry === 'later') throw error;
    await quarantine(deps, copy, 'cannot be read on the disk of the host');
    return false;
  }
  const isSame = await store.write('system', async (work) => {
    const layer = await work.layers.find(copy.layerId);
    const now = layer && copyAt(layer, copy.place);
    // The layer was removed or rewritten while it was read, so the digest says nothing.
    if (!layer || !isReadable(layer) || now?.state !== 'sound') return true;
    if (now.digest !== copy.digest) return true;
    if (copy.digest === null) await work.layerCopies.update(copy, { digest });
    else if (copy.digest === digest)
      await work.layerCopies.update(copy, { verifiedAt: work.now() });
    else return false;
    return true;
  });
  if (!isSame) await quarantine(deps, copy, 'is damaged: its bytes are not what they were');
  return isSame;
}

/**
 * Verifies the layers of a chain that were never compared, before a disk is made on the chain.
 * Throws `internal` when one is damaged. Jobs that need the same layer read it once: those that
 * waited for another one find in the store what it has found. Only the server that owns a
 * host-bound engine verifies, so no two servers read one layer.
 */
export async function verifyChain(context: JobContext, head: LayerId): Promise<void> {
  const chain = await context.store.read('system', (work) => work.layers.chain(head));
  for (const layer of chain) {
    assertSound(layer);
    if (!isCompared(layer))
      await context.alone(`verify ${layer.id}`, () => verifyLayer(context, layer.id));
  }
}

const isCompared = (layer: Layer) => {
  const copy = copyAt(layer, localPlace);
  return copy === undefined || copy.verifiedAt !== null;
};

async function verifyLayer(context: JobContext, id: LayerId): Promise<void> {
  const { store, call } = context;
  call.signal.throwIfAborted();
  const layer = await store.read('system', (work) => work.layers.get(id));
  assertSound(layer);
  const copy = copyAt(layer, localPlace);
  if (copy === undefined || isCompared(layer)) return;
  const isSame = await verifyCopy(context, copy, 0, call);
  // A copy that was read for the first time has nothing to be compared with.
  if (copy.digest === null)
    await store.write('system', (work) =>
      work.layerCopies.update(copy, { verifiedAt: work.now() }),
    );
  if (copy.digest === null || !isSame)
    assertSound(await store.read('system', (work) => work.layers.get(id)));
}
