// Queries on layers and disks: what exists, and what nothing needs any more.

import { AppError } from '../../domain/error.ts';
import type { DiskId, LayerId, MachineId, OperationId } from '../../domain/ids.ts';
import type { Disk, DiskState, Layer } from '../../domain/layer.ts';
import type { Db } from '../schema.ts';

const missing = (noun: string, id: string) =>
  new AppError('internal', `A ${noun} is missing.`, { detail: `${noun} ${id}` });

export const layerQueries = (db: Db, now: () => number) => {
  const find = (id: LayerId): Promise<Layer | undefined> =>
    db.selectFrom('layer').where('id', '=', id).selectAll().executeTakeFirst();
  return {
    find,
    async get(id: LayerId): Promise<Layer> {
      const layer = await find(id);
      if (!layer) throw missing('layer', id);
      return layer;
    },
    byKey: (key: string): Promise<Layer | undefined> =>
      db.selectFrom('layer').where('key', '=', key).selectAll().executeTakeFirst(),
    async add(layer: Omit<Layer, 'createdAt'>): Promise<void> {
      await db
        .insertInto('layer')
        .values({ ...layer, createdAt: now() })
        .execute();
    },
    /** Takes over a step that an operation left half-way; false when somebody else did or it is sealed. */
    async takeOver(id: LayerId, from: OperationId | null, to: OperationId): Promise<boolean> {
      const result = await db
        .updateTable('layer')
        .set({ operationId: to })
        .where('id', '=', id)
        .where('state', '=', 'building')
        .where('operationId', from === null ? 'is' : '=', from)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
    async seal(id: LayerId, { virtualBytes, storedBytes }: Pick<Layer, 'virtualBytes' | 'storedBytes'>): Promise<void> {
      await db
        .updateTable('layer')
        .set({ virtualBytes, storedBytes, state: 'sealed', operationId: null })
        .where('id', '=', id)
        .execute();
    },
    /**
     * Marks what nothing needs: a capture without image, disk or child, and a building layer whose operation has ended. Bases and
     * software layers stay, as the catalogue and the build cache. What is marked cannot be used any more; its rows are returned.
     */
    async doom(): Promise<Layer[]> {
      await db
        .updateTable('layer')
        .set({ state: 'doomed', key: null })
        .where((e) =>
          e.or([
            e.and([
              e('kind', '=', 'capture'),
              e('state', '=', 'sealed'),
              e.not(
                e.exists(
                  e
                    .selectFrom('image')
                    .whereRef('image.layerId', '=', 'layer.id')
                    .where('deletedAt', 'is', null)
                    .select('image.id'),
                ),
              ),
              e.not(e.exists(e.selectFrom('disk').whereRef('disk.layerId', '=', 'layer.id').select('disk.id'))),
              e.not(
                e.exists(e.selectFrom('layer as child').whereRef('child.parentId', '=', 'layer.id').select('child.id')),
              ),
            ]),
            e.and([
              e('state', '=', 'building'),
              e.not(
                e.exists(
                  e
                    .selectFrom('operation')
                    .whereRef('operation.id', '=', 'layer.operationId')
                    .where('operation.state', 'in', ['queued', 'running'])
                    .select('operation.id'),
                ),
              ),
            ]),
          ]),
        )
        .execute();
      return db.selectFrom('layer').where('state', '=', 'doomed').selectAll().execute();
    },
    async remove(id: LayerId): Promise<void> {
      await db
        .updateTable('image')
        .set({ layerId: null })
        .where('layerId', '=', id)
        .where('deletedAt', 'is not', null)
        .execute();
      await db.deleteFrom('layer').where('id', '=', id).where('state', '=', 'doomed').execute();
    },
    ids: async (): Promise<LayerId[]> => (await db.selectFrom('layer').select('id').execute()).map((row) => row.id),
  };
};

export const diskQueries = (db: Db, now: () => number) => ({
  find: (id: DiskId): Promise<Disk | undefined> =>
    db.selectFrom('disk').where('id', '=', id).selectAll().executeTakeFirst(),
  async get(id: DiskId): Promise<Disk> {
    const disk = await this.find(id);
    if (!disk) throw missing('disk', id);
    return disk;
  },
  async add(disk: Omit<Disk, 'createdAt' | 'keptUntil'>): Promise<void> {
    await db
      .insertInto('disk')
      .values({ ...disk, keptUntil: null, createdAt: now() })
      .execute();
  },
  async update(id: DiskId, change: { state?: DiskState; layerId?: LayerId; keptUntil?: number | null }): Promise<void> {
    await db.updateTable('disk').set(change).where('id', '=', id).execute();
  },
  /** Marks kept disks whose time is over, and fresh ones whose start has ended; the rows of all that is marked are returned. */
  async doom(): Promise<Disk[]> {
    await db
      .updateTable('disk')
      .set({ state: 'doomed' })
      .where((e) =>
        e.or([
          e.and([e('state', '=', 'kept'), e('keptUntil', '<=', now())]),
          e.and([
            e('state', '=', 'fresh'),
            e.not(
              e.exists(
                e
                  .selectFrom('operation')
                  .whereRef('operation.machineId', '=', 'disk.machineId')
                  .where('operation.state', 'in', ['queued', 'running'])
                  .select('operation.id'),
              ),
            ),
          ]),
        ]),
      )
      .execute();
    return db.selectFrom('disk').where('state', '=', 'doomed').selectAll().execute();
  },
  async remove(id: DiskId): Promise<void> {
    await db.deleteFrom('disk').where('id', '=', id).where('state', '=', 'doomed').execute();
  },
  ofMachine: (id: MachineId): Promise<Disk[]> =>
    db.selectFrom('disk').where('machineId', '=', id).selectAll().orderBy('createdAt').execute(),
  ids: async (): Promise<DiskId[]> => (await db.selectFrom('disk').select('id').execute()).map((row) => row.id),
});
