// Queries on machines and plans.

import { AppError, notFound } from '../../domain/error.ts';
import type { ImageId, MachineId, PlanId } from '../../domain/ids.ts';
import type { Machine, MachineStatus } from '../../domain/machine.ts';
import { contains, type Database, type Db, fold, type Scope } from '../schema.ts';

export interface Plan {
  id: PlanId;
  name: string;
  machineType: string;
  cpus: number;
  memoryMb: number;
  diskSizeGb: number;
}

type MachineRow = Omit<Database['machine'], 'id'> & { id: MachineId };

const toMachine = ({ nameFolded: _, permissions, ...machine }: MachineRow): Machine => ({
  ...machine,
  permissions: JSON.parse(permissions) as Record<string, boolean>,
});

export const machineQueries = (db: Db, scope: Scope, now: () => number) => {
  const all = () => {
    const query = db.selectFrom('machine');
    return scope === 'system' ? query : query.where('organisationId', '=', scope);
  };
  const find = async (id: MachineId): Promise<Machine | undefined> => {
    const row = await all().where('id', '=', id).selectAll().executeTakeFirst();
    return row && toMachine(row);
  };
  const updateMany = async (
    ids: readonly MachineId[],
    change: Partial<Omit<Machine, 'id' | 'name' | 'permissions'>>,
  ) => {
    if (ids.length === 0) return;
    let query = db
      .updateTable('machine')
      .set({ ...change, updatedAt: now() })
      .where('id', 'in', ids);
    if (scope !== 'system') query = query.where('organisationId', '=', scope);
    await query.execute();
  };

  return {
    find,
    async get(id: MachineId): Promise<Machine> {
      const machine = await find(id);
      if (!machine) throw notFound('machine', id);
      return machine;
    },
    updateMany,
    update: (id: MachineId, change: Parameters<typeof updateMany>[1]) => updateMany([id], change),

    async setPermissions(id: MachineId, permissions: Record<string, boolean>): Promise<void> {
      let query = db
        .updateTable('machine')
        .set({ permissions: JSON.stringify(permissions), updatedAt: now() })
        .where('id', '=', id);
      if (scope !== 'system') query = query.where('organisationId', '=', scope);
      await query.execute();
    },

    /** All of the machines, in order of id; throws machines-not-found when one is missing. `ids` are distinct. */
    async getMany(ids: readonly MachineId[]): Promise<Machine[]> {
      const rows = await all().where('id', 'in', ids).selectAll().orderBy('id').execute();
      if (rows.length < ids.length) {
        const found = new Set(rows.map((row) => row.id));
        const missing = ids.filter((id) => !found.has(id));
        const shown = missing.slice(0, 5).join(', ') + (missing.length > 5 ? ', …' : '');
        throw new AppError(
          'machines_not_found',
          `${missing.length} of ${ids.length} machines are not of this organisation (${shown}); nothing was changed.`,
        );
      }
      return rows.map(toMachine);
    },

    async list(filter: {
      page: number;
      perPage: number;
      q?: string | undefined;
      status?: MachineStatus | undefined;
      assigned?: boolean | undefined;
      hasSessionData?: boolean | undefined;
    }) {
      let matching = all();
      if (filter.q) matching = matching.where(contains(filter.q));
      if (filter.status) matching = matching.where('status', '=', filter.status);
      if (filter.assigned !== undefined)
        matching = matching.where('assignedImageId', filter.assigned ? 'is not' : 'is', null);
      if (filter.hasSessionData !== undefined)
        matching = matching.where('lastSessionStartAt', filter.hasSessionData ? 'is not' : 'is', null);
      const { page, perPage } = filter;
      const rows = await matching
        .selectAll()
        .orderBy('id', 'desc')
        .limit(perPage)
        .offset((page - 1) * perPage)
        .execute();
      const { count } = await matching.select((e) => e.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
      return { machines: rows.map(toMachine), count: Number(count) };
    },

    /** Adds a machine that is off and has no disk. Without a name it is named after its id. */
    async add(
      machine: Pick<
        Machine,
        | 'organisationId'
        | 'planId'
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
      return toMachine(await all().where('id', '=', id).selectAll().executeTakeFirstOrThrow());
    },

    /** Those to which the image is assigned, in order of id. */
    async ofImage(imageId: ImageId): Promise<Machine[]> {
      return (await all().where('assignedImageId', '=', imageId).selectAll().orderBy('id').execute()).map(toMachine);
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
        .where('id', 'in', ids);
      if (scope !== 'system') query = query.where('organisationId', '=', scope);
      await query.execute();
    },

    /** Takes an image that is going away from every machine to which it is assigned. */
    async unassign(imageId: ImageId): Promise<void> {
      await db
        .updateTable('machine')
        .set({ assignedImageId: null, assignmentPendingAt: null, updatedAt: now() })
        .where('assignedImageId', '=', imageId)
        .execute();
    },

    everyone: async (): Promise<Machine[]> => (await all().selectAll().orderBy('id').execute()).map(toMachine),
    /** Machines that are believed to be on. */
    async ready(): Promise<Machine[]> {
      return (await all().where('status', '=', 'ready').selectAll().execute()).map(toMachine);
    },
  };
};

export const planQueries = (db: Db, now: () => number) => ({
  async get(id: PlanId): Promise<Plan> {
    const plan = await db.selectFrom('plan').where('id', '=', id).selectAll().executeTakeFirst();
    if (!plan) throw new AppError('not_found', `There is no plan ${id}; GET /plans lists what there is.`);
    return plan;
  },
  list: (): Promise<Plan[]> => db.selectFrom('plan').selectAll().orderBy('id').execute(),
  add: (plan: Omit<Plan, 'id'>): Promise<{ id: PlanId }> =>
    db
      .insertInto('plan')
      .values({ ...plan, createdAt: now() })
      .returning('id')
      .executeTakeFirstOrThrow(),
});
