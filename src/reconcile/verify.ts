// Compares the bytes of layers with their digests. A digest is taken soon after a layer is sealed.
// It is compared before another machine's disk is first made on the layer, and on a schedule.

import { AppError } from '../domain/error.ts';
import type { LayerId } from '../domain/ids.ts';
import type { Layer } from '../domain/layer.ts';
import type { Call } from '../engine/port/call.ts';
import type { Dependencies } from './context.ts';
import { endQuarantine, quarantine } from './quarantine.ts';
import { assertSound } from './soundness.ts';

/** Whether the layer's bytes can be read, because no job makes, rewrites or removes them. */
export const isReadable = ({ state, jobId }: Layer): boolean =>
  (state === 'sealed' || state === 'quarantined') && jobId === null;

/**
 * Compares a layer with its digest, or takes the digest of a layer that has none. A layer that does
 * not match is quarantined; a quarantined layer that matches is used again. Returns whether the
 * layer is sound.
 */
export async function verifyLayer(
  deps: Pick<Dependencies, 'store' | 'engine' | 'log'>,
  layer: Layer,
  bytesPerSecond: number,
  call: Call,
): Promise<boolean> {
  const { store, engine } = deps;
  if (layer.state === 'quarantined') return endQuarantine(deps, layer, bytesPerSecond, call);
  if (!engine.verify) return true;
  let digest: string;
  try {
    digest = await engine.verify.digest({ layerId: layer.id, bytesPerSecond }, call);
  } catch (error) {
    call.signal.throwIfAborted();
    // An error that may pass says nothing about the layer.
    if (!(error instanceof AppError) || error.retry === 'later') throw error;
    await quarantine(deps, layer, 'cannot be read on the disk of the host');
    return false;
  }
  return store
    .write('system', async (work) => {
      const now = await work.layers.find(layer.id);
      // The layer was removed or rewritten while it was read, so the digest says nothing.
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
 * Verifies the layers of a chain that were never compared, before a disk is made on the chain.
 * Throws `internal` when one is damaged.
 */
export async function verifyChain(deps: Dependencies, head: LayerId, call: Call): Promise<void> {
  const chain = await deps.store.read('system', (work) => work.layers.chain(head));
  for (const layer of chain) {
    assertSound(layer);
    if (layer.verifiedAt !== null) continue;
    let current = layer;
    if (current.digest === null) {
      await verifyLayer(deps, current, 0, call);
      current = await deps.store.read('system', (work) => work.layers.get(layer.id));
      // A layer that was read for the first time has nothing to be compared with.
      await deps.store.write('system', (work) =>
        work.layers.update(layer.id, { verifiedAt: work.now() }),
      );
    } else if (!(await verifyLayer(deps, current, 0, call))) {
      current = await deps.store.read('system', (work) => work.layers.get(layer.id));
    }
    assertSound(current);
  }
}
