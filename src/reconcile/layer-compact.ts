// Compaction: a layer whose chain is long is written anew on a layer further down. Its content stays the same, and its id too, so that
// disks and layers that stand on it notice nothing.

import { failedForGood } from '../domain/error.ts';
import type { LayerId } from '../domain/ids.ts';
import { chainLayersMax, planCompaction } from '../domain/layer.ts';
import type { Operation } from '../domain/operation.ts';
import type { Task } from './task.ts';
import type { Workflow } from './workflow.ts';

const layerOf = ({ data }: Operation): LayerId => {
  if (typeof data.layerId !== 'string') throw failedForGood('The compaction names no layer.');
  return data.layerId as LayerId;
};

export const layerCompact: Workflow = {
  attemptsMax: 3,

  async run(context) {
    const { operation, engine } = context;
    const layerId = layerOf(operation);
    const parent = await context.write(async (work) => {
      const layer = await work.layers.find(layerId);
      if (!layer) return null;
      const chain = await work.layers.chain(layerId);
      // What is damaged below it would be written into it.
      if (chain.some(({ state }) => state !== 'sealed')) return null;
      // From here on its bytes are about to change: nobody compares them with the digest of the old ones.
      await work.layers.update(layerId, { operationId: operation.id, digest: null, verifiedAt: null });
      return planCompaction(chain, chainLayersMax);
    });
    if (parent === null) return async () => {};
    await context.phase('writing the layer anew', 0.2);
    const { storedBytes } = await engine.rewriteLayer({ layerId, parentId: parent.id });
    return async (work) => {
      await work.layers.update(layerId, { parentId: parent.id, storedBytes, operationId: null, digest: null });
    };
  },

  async abandon(work, operation) {
    await work.layers.update(layerOf(operation), { operationId: null });
  },
};

/** Asks for the compaction of layers whose chains are too long, the lowest first: what stands on it has a shorter chain too then. */
export const compact: Task = {
  everyMs: 60_000,
  async run({ store }) {
    await store.write('system', async (work) => {
      const layer = await work.layers.lowestAbove(chainLayersMax);
      if (!layer) return;
      const organisationId = await work.layers.ownerOf(layer.id);
      if (organisationId === undefined) return;
      if ((await work.operations.openOfKind('layerCompact')).length > 0) return;
      await work.operations.enqueue([{ kind: 'layerCompact', organisationId, data: { layerId: layer.id } }]);
    });
  },
};
