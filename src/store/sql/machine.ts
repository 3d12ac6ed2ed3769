// Queries on machines and machine types.

import { sql } from 'kysely';
import { AppError, notFound } from '../../domain/error.ts';
import type { ImageId, MachineId, MachineTypeId } from '../../domain/ids.ts';
import type { Machine, MachineStatus } from '../../domain/machine.ts';
import { fold } from '../../lib/fold.ts';
import { among, contains, type Database, type Db, type Scope } from './schema.ts';

/** A size in which machines are made. */
export interface MachineType {
  id: MachineTypeId;
  name: string;
  /** Its name where the wire says `machine_type`; machines bear it. */
  code: string;
  cpus: number;
  memoryMb: number;
  diskSizeGb: number;
}

type MachineRow = Omit<Database['machine'], 'id'> & { id: MachineId; imageIsDeleted: boolean };

/**
 * The row keeps the assignment of a deleted image, which counts for nothing until the image is
 * restored.
 */
const imageIsDeleted = sql<boolean>`exists (
  select 1 from image where image.id = machine.assigned_image_id and image.deleted_at is not null)`;

const toMachine = ({
  nameFolded: _,
  permissions,
  imageIsDeleted: lost,
  ...machine
}: MachineRow): Machine => ({
  ...machine,
  assignedImageId: lost ? null : machine.assignedImageId,
  assignmentPendingAt: lost ? null : machine.assignmentPendingAt,
  pausedAt: machine.status === 'ready' ? machine.pausedAt : null,
  lostPendingAt: lost ? machine.assignmentPendingAt : null,
  permissions: JSON.parse(permissions) as Record<string, boolean>,
});

export const machineQueries = (db: Db, scope: Scope, now: () => number) => {
  const all = () => {
    const query = db.selectFrom('machine');
    return scope === 'system' ? query : query.where('organisationId', '=', scope);
  };
  const rows = () => all().selectAll().select(imageIsDeleted.as('imageIsDeleted'));
  const find = async (id: MachineId): Promise<Machine | undefined> => {
    const row = await rows().where('id', '=', id).executeTakeFirst();
    return row && toMachine(row);
  };
  const updateMany = async (
    ids: readonly MachineId[],
    change: Partial<Omit<Machine, 'id' | 'name' | 'permissions' | 'lostPendingAt'>>,
  ) => {
    let query = db
      .updateTable('machine')
      .set({ ...change, updatedAt: now() })
      .where('id', 'in', among(ids));
    if (scope !== 'system') query = query.where('organisationId', '=', scope);
    await query.execute();
  };

  return {
    find,
    async get(id: MachineId): Promise<Machine> {
      const machine = await find(id);
      if (!machine) throw notFound('machine', id, 'GET /machines');
      return machine;
    },
    updateMany,
    update: (id: MachineId, change: Parameters<typeof updateMany>[1]) => updateMany([id], change),

    /** The end of the console of its last start that failed; undefined when none did. */
    async console(id: MachineId): Promise<{ shown: string; keptAt: number } | undefined> {
      const visible = all().select('id').where('id', '=', id);
      return db
        .selectFrom('machineConsole')
        .select(['shown', 'keptAt'])
        .where('machineId', 'in', visible)
        .executeTakeFirst();
    },
    async keepConsole(machineId: MachineId, shown: string): Promise<void> {
      const row = { shown, keptAt: now() };
      await db
        .insertInto('machineConsole')
        .values({ machineId, ...row })
        .onConflict((conflict) => conflict.column('machineId').doUpdateSet(row))
        .execute();
    },

    async setPermissions(id: MachineId, permissions: Record<string, boolean>): Promise<void> {
      let query = db
        .updateTable('machine')
        .set({ permissions: JSON.stringify(permissions), updatedAt: now() })
        .where('id', '=', id);
      if (scope !== 'system') query = query.where('organisationId', '=', scope);
      await query.execute();
    },

    /**
     * All of the machines, in order of id; throws machines-not-found when one is missing. `ids` are
     * distinct.
     */
    async getMany(ids: readonly MachineId[]): Promise<Machine[]> {
      const found = await rows().where('id', 'in', among(ids)).orderBy('id').execute();
      if (found.length < ids.length) {
        const known = new Set(found.map((row) => row.id));
        const missing = ids.filter((id) => !known.has(id));
        const shown = missing.slice(0, 5).join(', ') + (missing.length > 5 ? ', …' : '');
        throw new AppError(
          'machines_not_found',
          `${missing.length} of ${ids.length} machines are not of this organisation (${shown}); nothing was changed.`,
        );
      }
      return found.map(toMachine);
    },

    async list(filter: {
      page: number;
      perPage: number;
      q?: string | undefined;
      status?: MachineStatus | undefined;
      /** Whether it was on since it was made or last reset: then it has a disk. */
      hasSessionData?: boolean | undefined;
    }) {
      let matching = rows();
      if (filter.q) matching = matching.where(contains(filter.q));
      if (filter.status) matching = matching.where('status', '=', filter.status);
      if (filter.hasSessionData !== undefined)
        matching = matching.where('diskId', filter.hasSessionData ? 'is not' : 'is', null);
      const { page, perPage } = filter;
      const shown = await matching
        .orderBy('id', 'desc')
        .limit(perPage)
        .offset((page - 1) * perPage)
        .execute();
      const { count } = await matching
        .clearSelect()
        .select((e) => e.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return { machines: shown.map(toMachine), count: Number(count) };
    },

    /** Adds a machine that is off and has no disk. Without a name it is named after its id. */
    async add(
      machine: Pick<
        Machine,
        | 'organisationId'
        | 'machineTypeId'
        | 'region'
        | 'machineType'
        | 'cpus'
        | 'memoryMb'
        | 'diskSizeGb'
        | 'permissions'
        | 'assignedImageId'
      >,
      name: string | null = null,
    ): Promise<Machine> {
      const at = now();
      const { id } = await db
        .insertInto('machine')
        .values({
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
          priorImageId: null,
          priorPendingAt: null,
          lastSessionStartAt: null,
          createdAt: at,
          updatedAt: at,
        })
        .returning('id')
        .executeTakeFirstOrThrow();
      if (name === null) {
        const given = `Machine #${id}`;
        await db
          .updateTable('machine')
          .set({ name: given, nameFolded: fold(given) })
          .where('id', '=', id)
          .execute();
      }
      return toMachine(await rows().where('id', '=', id).executeTakeFirstOrThrow());
    },

    /** Those to which the image, which is not deleted, is assigned, in order of id. */
    async ofImage(imageId: ImageId): Promise<Machine[]> {
      return (await rows().where('assignedImageId', '=', imageId).orderBy('id').execute()).map(
        toMachine,
      );
    },

    /** Assigns an image, and remembers what was assigned before. */
    async assign(ids: readonly MachineId[], imageId: ImageId): Promise<void> {
      let query = db
        .updateTable('machine')
        .set((e) => ({
          priorImageId: e.ref('assignedImageId'),
          priorPendingAt: e.ref('assignmentPendingAt'),
          assignedImageId: imageId,
          assignmentPendingAt: now(),
          updatedAt: now(),
        }))
        .where('id', 'in', among(ids));
      if (scope !== 'system') query = query.where('organisationId', '=', scope);
      await query.execute();
    },

    everyone: async (): Promise<Machine[]> => (await rows().orderBy('id').execute()).map(toMachine),
    /** These machines, and no others, are paused. Writes only what changes. */
    async arePaused(ids: readonly MachineId[]): Promise<void> {
      const marked = await db
        .selectFrom('machine')
        .select('id')
        .where('pausedAt', 'is not', null)
        .execute();
      const before = new Set(marked.map(({ id }) => id));
      const mark = (some: readonly MachineId[], pausedAt: number | null) =>
        db
          .updateTable('machine')
          .set({ pausedAt, updatedAt: now() })
          .where('id', 'in', among(some))
          .execute();
      const [begun, over] = [
        ids.filter((id) => !before.has(id)),
        [...before].filter((id) => !ids.includes(id)),
      ];
      if (begun.length > 0) await mark(begun, now());
      if (over.length > 0) await mark(over, null);
    },
    /**
     * Of the machines, those that are believed to be on are off, but not one on which a job is
     * open.
     */
    async wentOff(ids: readonly MachineId[], statusReason: string): Promise<void> {
      await db
        .updateTable('machine')
        .set({ status: 'off', statusReason, updatedAt: now() })
        .where('id', 'in', among(ids))
        .where('status', '=', 'ready')
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('job')
                .whereRef('job.machineId', '=', 'machine.id')
                .where('job.state', 'in', ['queued', 'running'])
                .select('job.id'),
            ),
          ),
        )
        .execute();
    },
    /** Machines that are believed to be on. */
    async ready(): Promise<Machine[]> {
      return (await rows().where('status', '=', 'ready').execute()).map(toMachine);
    },
  };
};

export const machineTypeQueries = (db: Db, now: () => number) => ({
  async get(id: MachineTypeId): Promise<MachineType> {
    const type = await db
      .selectFrom('machineType')
      .where('id', '=', id)
      .selectAll()
      .executeTakeFirst();
    if (!type)
      throw new AppError(
        'not_found',
        `There is no machine type ${id}; GET /plans lists what there is.`,
      );
    return type;
  },
  list: (): Promise<MachineType[]> =>
    db.selectFrom('machineType').selectAll().orderBy('id').execute(),
  add: (type: Omit<MachineType, 'id'>): Promise<{ id: MachineTypeId }> =>
    db
      .insertInto('machineType')
      .values({ ...type, createdAt: now() })
      .returning('id')
      .executeTakeFirstOrThrow(),
});
