// Layers, for the operator: lists them, and verifies that their bytes are unchanged.

import { AppError } from '../../domain/error.ts';
import type { LayerId } from '../../domain/ids.ts';
import { shownLayer } from '../../domain/layer.ts';
import type { LayerCopy } from '../../domain/layer-copy.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Engine } from '../../engine/port/engine.ts';
import { noLog } from '../../lib/log.ts';
import { isReadable, verifyCopy } from '../../reconcile/verify.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import { change } from './context.ts';

/** Lists all layers, and the engine's orphans. */
export const layerList = (store: Store) =>
  store.read('system', async (work) => ({
    layers: (await work.layers.list()).map(shownLayer),
    orphans: await work.host.orphans(),
  }));

/** A page of the layers, in order of id. */
export const layerPage = (store: Store, after: string | null, limit: number) =>
  store.read('system', async (work) => (await work.layers.page(after, limit)).map(shownLayer));

/** The disks and layers of the engine that have no row in the store. */
export const orphanList = (store: Store) => store.read('system', (work) => work.host.orphans());

interface VerifiedLayer {
  id: LayerId;
  result: 'same' | 'digest taken' | 'sound again' | 'DAMAGED';
}

function resultOf({ state, digest }: LayerCopy, same: boolean): VerifiedLayer['result'] {
  if (!same) return 'DAMAGED';
  if (state === 'quarantined') return 'sound again';
  return digest === null ? 'digest taken' : 'same';
}

/**
 * Compares the named layers, or all layers, with their digests. A damaged layer is quarantined, and
 * a layer that is sound again leaves its quarantine. Throws not-found for an unknown id, or the
 * reason of the signal. `say` is told how far it is.
 */
export const layerVerify = change(
  'layerVerify',
  (
    _engine: Engine,
    ids: readonly string[],
    _signal: AbortSignal,
    _say?: (phase: string) => void,
  ) => (ids.length === 0 ? 'all layers' : `layers ${ids.join(', ')}`),
  async ({ store, failed }, engine, ids, signal, say?): Promise<VerifiedLayer[]> => {
    const all = await store.read('system', (work) => work.layers.list());
    const unknown = ids.find((id) => !all.some((one) => one.id === id));
    if (unknown !== undefined)
      throw new AppError('not_found', `There is no layer ${unknown}; see: silversmith layer list`);
    const wanted = all.filter(
      (one) => isReadable(one) && (ids.length === 0 || ids.includes(one.id)),
    );
    const found: VerifiedLayer[] = [];
    const copies = wanted.flatMap((one) => one.copies);
    for (const [at, copy] of copies.entries()) {
      signal.throwIfAborted();
      say?.(`reading layer ${at + 1} of ${copies.length}`);
      const same = await verifyCopy({ store, engine, log: noLog }, copy, 0, withoutJob(signal));
      found.push({ id: copy.layerId, result: resultOf(copy, same) });
    }
    const damaged = found.filter(({ result }) => result === 'DAMAGED').map(({ id }) => id);
    if (damaged.length > 0) failed(`Damaged: ${damaged.join(', ')}.`);
    return found;
  },
);
