// The board of a base: the versioned hardware that its guests see. It stays the same when the host is
// upgraded, until an operator moves the base to another.

import { AppError, notFound } from '../../domain/error.ts';
import type { BaseImageId } from '../../domain/ids.ts';
import { settledBoot } from '../../engine/optional/settled-boot.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Engine } from '../../engine/port/engine.ts';
import { baseList, type ListedBase } from './base.ts';
import { change } from './context.ts';

/**
 * Gives the chains of a base another board; undefined: the newest of this host. Machines that are
 * on keep theirs until they start again. Throws not-found, and `invalid` for a board that this host
 * does not have.
 */
export const baseBoard = change(
  'baseBoard',
  (_engine: Pick<Engine, 'name' | 'bootCheck'>, id: BaseImageId, _board?: string) =>
    `base image ${id}`,
  async ({ store, touched }, engine, id, board): Promise<ListedBase> => {
    const found = (await baseList(store)).find((one) => one.id === id);
    if (found === undefined) throw notFound('base image', id, 'silversmith base list');
    const { name, layerId, boot } = found;
    if (boot === null)
      throw new AppError('invalid', `It is not known how base image ${id} (${name}) boots.`);
    touched(`base image ${id} (${name})`);
    const { board: _, ...rest } = boot;
    const wanted = { ...rest, ...(board !== undefined && { board }) };
    const settled = await settledBoot(engine, { layerId, boot: wanted }, withoutJob());
    await store.write('system', (work) => work.layers.update(layerId, { boot: settled }));
    return { ...found, boot: settled };
  },
);
