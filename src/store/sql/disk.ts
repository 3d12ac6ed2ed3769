// Queries on disks: what machines have, what was set aside and for how long, and what is going.

import type { Disk } from '../../domain/disk.ts';
import { AppError } from '../../domain/error.ts';
import type { DiskId, LayerId, MachineId } from '../../domain/ids.ts';
import { type Db, layersAbove, type Scope } from './schema.ts';

export const diskQueries = (db: Db, scope: Scope, now: () => number) => {
  const all = () => {
    const query = db.selectFrom('disk');
    return scope === 'system' ? query : query.where('organisationId', '=', scope);
  };
  return {
    find: (id: DiskId): Promise<Disk | undefined> =>
      all().where('id', '=', id).selectAll().executeTakeFirst(),
    async get(id: DiskId): Promise<Disk> {
      const disk = await this.find(id);
      if (!disk) throw new AppError('internal', 'A disk is missing.', { detail: `disk ${id}` });
      return disk;
    },
    async add(
      disk: Omit<Disk, 'createdAt' | 'keptUntil' | 'storedBytes' | 'deletingAt'>,
    ): Promise<void> {
      await db
        .insertInto('disk')
        .values({ ...disk, keptUntil: null, storedBytes: null, deletingAt: null, createdAt: now() })
        .execute();
    },
    async update(
      id: DiskId,
      change: Partial<
        Pick<Disk, 'state' | 'layerId' | 'keptUntil' | 'storedBytes' | 'replacesId' | 'deletingAt'>
      >,
    ): Promise<void> {
      await db.updateTable('disk').set(change).where('id', '=', id).execute();
    },
    /** Sets a disk aside: its machine has it no more, and it can be put back for so long. */
    async keep(id: DiskId, keepMs: number): Promise<void> {
      await this.update(id, { state: 'kept', keptUntil: now() + keepMs });
    },
    /** The machine's own and its kept ones, newest first. */
    ofMachine: (id: MachineId): Promise<Disk[]> =>
      all()
        .where('machineId', '=', id)
        .where('state', 'in', ['active', 'kept'])
        .selectAll()
        .orderBy('createdAt', 'desc')
        .orderBy('id')
        .execute(),
    /** Those that stand on a layer, at any depth. */
    standingOn: (id: LayerId): Promise<Disk[]> =>
      all()
        .where('layerId', 'in', layersAbove(id))
        .where('state', '<>', 'deleting')
        .selectAll()
        .orderBy('machineId')
        .execute(),
    /** Every kept disk, the one kept longest first. */
    kept: (): Promise<Disk[]> =>
      all().where('state', '=', 'kept').selectAll().orderBy('keptUntil').execute(),

    /** Marks kept disks whose time was over before a time: from then on they cannot be put back. */
    async releaseKept(before: number): Promise<void> {
      await db
        .updateTable('disk')
        .set({ state: 'deleting', deletingAt: now() })
        .where('state', '=', 'kept')
        .where('keptUntil', '<=', before)
        .execute();
    },
    /** Marks fresh disks whose start has ended. Idempotent. */
    async markDeleting(): Promise<void> {
      await db
        .updateTable('disk')
        .set({ state: 'deleting', deletingAt: now() })
        .where('state', '=', 'fresh')
        .where((e) =>
          e.not(
            e.exists(
              e
                .selectFrom('job')
                .whereRef('job.machineId', '=', 'disk.machineId')
                .where('job.state', 'in', ['queued', 'running'])
                .select('job.id'),
            ),
          ),
        )
        .execute();
    },
    /** A disk that its machine has is not going, whatever its mark says. */
    async takeUp(): Promise<void> {
      await db
        .updateTable('disk')
        .set({ state: 'active', deletingAt: null })
        .where('state', '=', 'deleting')
        .where((e) =>
          e.exists(
            e.selectFrom('machine').whereRef('machine.diskId', '=', 'disk.id').select('machine.id'),
          ),
        )
        .execute();
    },
    deleting: (before: number): Promise<Disk[]> =>
      all().where('state', '=', 'deleting').where('deletingAt', '<=', before).selectAll().execute(),
    async remove(id: DiskId): Promise<void> {
      await db.deleteFrom('disk').where('id', '=', id).where('state', '=', 'deleting').execute();
    },
    list: (): Promise<Disk[]> => all().where('state', '<>', 'deleting').selectAll().execute(),
    ids: async (): Promise<DiskId[]> =>
      (await db.selectFrom('disk').select('id').execute()).map((row) => row.id),
  };
};
