// Queries on disks.

import { sql } from 'kysely';
import type { Disk } from '../../domain/disk.ts';
import { AppError } from '../../domain/error.ts';
import type { DiskId, LayerId, MachineId } from '../../domain/ids.ts';
import { portionsOf } from '../../lib/portions.ts';
import type { DiskChange, DiskReader, DiskWriter, NewDisk } from '../port/disk.ts';
import { layersAbove } from './chain.ts';
import { isIdle } from './open-job.ts';
import { portionMax, Queries } from './scope.ts';

export class SqlDiskReader extends Queries implements DiskReader {
  #all() {
    return this.within(this.db.selectFrom('disk')).selectAll();
  }

  find(id: DiskId): Promise<Disk | undefined> {
    return this.#all().where('id', '=', id).executeTakeFirst();
  }

  async findMany(ids: readonly DiskId[]): Promise<Disk[]> {
    const found: Disk[] = [];
    for await (const portion of portionsOf(ids, portionMax))
      found.push(...(await this.#all().where('id', 'in', this.among(portion)).execute()));
    return found;
  }

  async get(id: DiskId): Promise<Disk> {
    const disk = await this.find(id);
    if (!disk) throw new AppError('internal', 'A disk is missing.', { detail: `disk ${id}` });
    return disk;
  }

  list(): Promise<Disk[]> {
    return this.#all().where('state', '<>', 'deleting').orderBy('id').execute();
  }

  storedBytes(): Promise<Pick<Disk, 'id' | 'storedBytes'>[]> {
    return this.inPages((after, limit) =>
      this.within(this.db.selectFrom('disk'))
        .where('state', '<>', 'deleting')
        .where('id', '>', after as DiskId)
        .select(['id', 'storedBytes'])
        .orderBy('id')
        .limit(limit)
        .execute(),
    );
  }

  async ids(): Promise<DiskId[]> {
    const rows = await this.inPages((after, limit) =>
      this.within(this.db.selectFrom('disk'))
        .where('id', '>', after as DiskId)
        .select('id')
        .orderBy('id')
        .limit(limit)
        .execute(),
    );
    return rows.map(({ id }) => id);
  }

  ofMachine(id: MachineId): Promise<Disk[]> {
    return this.#all()
      .where('machineId', '=', id)
      .where('state', 'in', ['active', 'kept'])
      .orderBy('createdAt', 'desc')
      .orderBy('id')
      .execute();
  }

  standingOn(id: LayerId): Promise<Disk[]> {
    return this.#all()
      .where('layerId', 'in', layersAbove(id))
      .where('state', '<>', 'deleting')
      .orderBy('machineId')
      .orderBy('id')
      .execute();
  }

  kept(): Promise<Disk[]> {
    return this.#all().where('state', '=', 'kept').orderBy('keptUntil').orderBy('id').execute();
  }

  deleting(before: number): Promise<Disk[]> {
    return this.#all()
      .where('state', '=', 'deleting')
      .where('deletingAt', '<=', before)
      .orderBy('id')
      .execute();
  }
}

export class SqlDiskWriter extends SqlDiskReader implements DiskWriter {
  #change(change: DiskChange) {
    return this.within(this.db.updateTable('disk')).set(change);
  }

  async add(disk: NewDisk): Promise<void> {
    this.assertOwn(disk);
    const rest = { keptUntil: null, storedBytes: null, deletingAt: null, createdAt: this.now() };
    await this.db
      .insertInto('disk')
      .values({ ...disk, ...rest })
      .execute();
  }

  async setStoredBytes(sizes: readonly { id: DiskId; storedBytes: number }[]): Promise<void> {
    if (sizes.length === 0) return;
    const given = this.selectRows('disk', ['id', 'storedBytes'], sizes);
    await this.within(this.db.updateTable('disk'))
      .from(sql<{ id: DiskId; storedBytes: number }>`(${given})`.as('given'))
      .set((e) => ({ storedBytes: e.ref('given.storedBytes') }))
      .whereRef('disk.id', '=', 'given.id')
      .execute();
  }

  async update(id: DiskId, change: DiskChange): Promise<void> {
    await this.#change(change).where('id', '=', id).execute();
  }

  keep(id: DiskId, keepMs: number): Promise<void> {
    return this.keepMany([id], keepMs);
  }

  async keepMany(ids: readonly DiskId[], keepMs: number): Promise<void> {
    await this.#changeMany(ids, { state: 'kept', keptUntil: this.now() + keepMs });
  }

  async putBack(ids: readonly DiskId[]): Promise<void> {
    await this.#changeMany(ids, { state: 'active', keptUntil: null });
  }

  async #changeMany(ids: readonly DiskId[], change: DiskChange): Promise<void> {
    for await (const portion of portionsOf(ids, portionMax))
      await this.#change(change).where('id', 'in', this.among(portion)).execute();
  }

  async releaseKept(before: number): Promise<void> {
    await this.#change({ state: 'deleting', deletingAt: this.now() })
      .where('state', '=', 'kept')
      .where('keptUntil', '<=', before)
      .execute();
  }

  async markDeleting(): Promise<void> {
    await this.#change({ state: 'deleting', deletingAt: this.now() })
      .where('state', '=', 'fresh')
      .where(isIdle('disk.machine_id'))
      .execute();
  }

  async takeUp(): Promise<void> {
    await this.#change({ state: 'active', deletingAt: null })
      .where('state', '=', 'deleting')
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('machine').whereRef('machine.diskId', '=', 'disk.id').select('machine.id'),
        ),
      )
      .execute();
  }

  async remove(id: DiskId): Promise<void> {
    await this.within(this.db.deleteFrom('disk'))
      .where('id', '=', id)
      .where('state', '=', 'deleting')
      .execute();
  }
}
