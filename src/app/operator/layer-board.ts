// The board of a root: the versioned hardware that the guests of its chains see. It stays the same
// when the host is upgraded, until an operator moves the root to another.

import type { BootProfile } from '../../domain/boot.ts';
import { invalid, notFound } from '../../domain/error.ts';
import type { LayerId } from '../../domain/ids.ts';
import { settledBoot } from '../../engine/optional/settled-boot.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Engine } from '../../engine/port/engine.ts';
import { change } from './context.ts';

/**
 * Gives the chains of a root another board; undefined: the newest of this host. Machines that are
 * on keep theirs until they start again. Throws not-found, and `invalid` for a layer that is no
 * root, or a board that this host does not have.
 */
export const layerBoard = change(
  'layerBoard',
  (_engine: Pick<Engine, 'name' | 'bootCheck'>, id: LayerId, _board?: string) => `layer ${id}`,
  async ({ store }, engine, id, board): Promise<{ id: LayerId; boot: BootProfile }> => {
    const found = await store.read('system', (work) => work.layers.find(id));
    if (found === undefined) throw notFound('layer', id, 'silversmith layer list');
    if (found.boot === null)
      throw invalid(
        `Layer ${id} does not say how it boots; name the root of its chain: ${found.baseLayerId}`,
      );
    const { board: _, ...rest } = found.boot;
    const wanted = { ...rest, ...(board !== undefined && { board }) };
    const boot = await settledBoot(engine, { layerId: id, boot: wanted }, withoutJob());
    await store.write('system', (work) => work.layers.update(id, { boot }));
    return { id, boot };
  },
);
