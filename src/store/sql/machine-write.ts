// Changes of machines.

import { sql } from 'kysely';
import type { ImageId, MachineId } from '../../domain/ids.ts';
import type { Machine } from '../../domain/machine.ts';
import { notAlive } from '../../domain/machine-life.ts';
import type { RootSystem } from '../../domain/root-system.ts';
import { fold } from '../../lib/fold.ts';
import { portionsOf } from '../../lib/portions.ts';
import type { Cared, MachineChange, MachineWriter, NewMachine } from '../port/machine.ts';
import { isForgettableMachine } from './forgettable.ts';
import { SqlMachineReader } from './machine.ts';
import { isIdle } from './open-job.ts';
import { portionMax } from './scope.ts';

export class SqlMachineWriter extends SqlMachineReader implements MachineWriter {
  #all() {
    return this.within(this.db.updateTable('machine'));
  }

  async add(machine: NewMachine, name: string | null = null): Promise<Machine> {
    this.assertOwn(machine);
    const at = this.now();
    const { id } = await this.db
      .insertInto('machine')
      .values({
        network: null,
        ...machine,
        name: name ?? '',
        nameFolded: fold(name ?? ''),
        permissions: JSON.stringify(machine.permissions),
        fileStorageSizeGb: 0,
        status: 'off',
        statusReason: null,
        diskId: null,
        assignmentPendingAt: machine.assignedImageId === null ? null : at,
        capturingImageId: null,
        stopRequestedAt: null,
        pausedAt: null,
        place: null,
        awayAt: null,
        ...{ crashPolicy: null, autoStopS: null, crashCount: 0, crashedAt: null },
        ...{ restartAt: null, ...notAlive },
        priorImageId: null,
        priorPendingAt: null,
        lastSessionStartAt: null,
        addresses: null,
        rootSystem: null,
        networkDueAt: null,
        startedFrom: null,
        startedBecause: null,
        startedMs: null,
        deletedAt: null,
        deletedUntil: null,
        deletedDiskId: null,
        createdAt: at,
        updatedAt: at,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    if (name === null) {
      const given = `Machine #${id}`;
      await this.#all()
        .set({ name: given, nameFolded: fold(given) })
        .where('id', '=', id)
        .execute();
    }
    return this.get(id);
  }

  update(id: MachineId, change: MachineChange): Promise<void> {
    return this.updateMany([id], change);
  }

  async updateMany(ids: readonly MachineId[], change: MachineChange): Promise<void> {
    for await (const portion of portionsOf(ids, portionMax))
      await this.#all()
        .set({ ...change, ...('diskId' in change && { rootSystem: null }), updatedAt: this.now() })
        .where('id', 'in', this.among(portion))
        .execute();
  }

  async setPermissions(id: MachineId, permissions: Record<string, boolean>): Promise<void> {
    await this.#all()
      .set({
        permissions: JSON.stringify(permissions),
        networkDueAt: this.now(),
        updatedAt: this.now(),
      })
      .where('id', '=', id)
      .execute();
  }

  async setCared(id: MachineId, { since, addresses, dueAt }: Cared): Promise<boolean> {
    const changed = addresses && JSON.stringify(addresses);
    // A change since then wants care of its own.
    await this.#all()
      .set({ networkDueAt: dueAt })
      .where('id', '=', id)
      .where('networkDueAt', '=', since)
      .execute();
    if (changed === null) return false;
    const { numUpdatedRows } = await this.#all()
      .set({ addresses: changed })
      .where('id', '=', id)
      .where(({ eb, fn }) => eb(fn.coalesce('addresses', sql`'[]'`), '<>', changed))
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  }

  async setRootSystem(id: MachineId, root: RootSystem | null): Promise<boolean> {
    const rootSystem = root && JSON.stringify(root);
    const { numUpdatedRows } = await this.#all()
      .set({ rootSystem })
      .where('id', '=', id)
      .where(({ eb, fn }) => eb(fn.coalesce('rootSystem', sql`''`), '<>', rootSystem ?? ''))
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  }

  async assign(ids: readonly MachineId[], imageId: ImageId): Promise<void> {
    for await (const portion of portionsOf(ids, portionMax))
      await this.#all()
        .set((e) => ({
          priorImageId: e.ref('assignedImageId'),
          priorPendingAt: e.ref('assignmentPendingAt'),
          assignedImageId: imageId,
          assignmentPendingAt: this.now(),
          updatedAt: this.now(),
        }))
        .where('id', 'in', this.among(portion))
        .execute();
  }

  async unassign(ids: readonly MachineId[]): Promise<void> {
    for await (const portion of portionsOf(ids, portionMax))
      await this.#all()
        .set((e) => ({
          assignedImageId: e.ref('priorImageId'),
          assignmentPendingAt: e.ref('priorPendingAt'),
          priorImageId: null,
          priorPendingAt: null,
          updatedAt: this.now(),
        }))
        .where('id', 'in', this.among(portion))
        .execute();
  }

  async takeFormerDisks(ids: readonly MachineId[]): Promise<void> {
    for await (const portion of portionsOf(ids, portionMax))
      await this.#all()
        .set({
          diskId: sql`(select replaces_id from disk where disk.id = machine.disk_id)`,
          statusReason: null,
          rootSystem: null,
          updatedAt: this.now(),
        })
        .where('id', 'in', this.among(portion))
        .execute();
  }

  async keepConsole(machineId: MachineId, shown: string): Promise<void> {
    if (!(await this.visible(machineId).executeTakeFirst())) return;
    const row = { shown, keptAt: this.now() };
    await this.db
      .insertInto('machineConsole')
      .values({ machineId, ...row })
      .onConflict((conflict) => conflict.column('machineId').doUpdateSet(row))
      .execute();
  }

  /** Reads first, because it is called every minute and seldom has anything to write. */
  async setPaused(ids: readonly MachineId[]): Promise<MachineId[]> {
    const marked = this.within(this.db.selectFrom('machine')).where('pausedAt', 'is not', null);
    const before = (await marked.select('id').execute()).map(({ id }) => id);
    const begun = ids.filter((id) => !before.includes(id));
    const over = before.filter((id) => !ids.includes(id));
    if (begun.length > 0) await this.updateMany(begun, { pausedAt: this.now() });
    if (over.length > 0) await this.updateMany(over, { pausedAt: null });
    return [...begun, ...over];
  }

  async setOff(ids: readonly MachineId[], statusReason: string): Promise<MachineId[]> {
    const off = await this.#all()
      .set({ status: 'off', statusReason, updatedAt: this.now() })
      .where('id', 'in', this.among(ids))
      .where('status', '=', 'ready')
      .where(isIdle('machine.id'))
      .returning('id')
      .execute();
    return off.map(({ id }) => id);
  }

  async releaseDeleted(before: number): Promise<void> {
    await this.#all()
      .set({ deletedUntil: null })
      .where('deletedAt', 'is not', null)
      .where('deletedUntil', '<=', before)
      .execute();
  }

  async forget(ids: readonly MachineId[], before: number): Promise<number> {
    const rows = await this.within(this.db.selectFrom('machine'))
      .where('id', 'in', this.among(ids))
      .where(isForgettableMachine(before))
      .select('id')
      .execute();
    const gone = this.among(rows.map(({ id }) => id));
    await this.db.deleteFrom('accessLink').where('machineId', 'in', gone).execute();
    await this.db.deleteFrom('machineForward').where('machineId', 'in', gone).execute();
    await this.db.deleteFrom('machineConsole').where('machineId', 'in', gone).execute();
    await this.within(this.db.deleteFrom('machine')).where('id', 'in', gone).execute();
    return rows.length;
  }
}
