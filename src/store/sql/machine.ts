// Queries on machines.

import { AppError, notFound } from '../../domain/error.ts';
import type { ImageId, MachineId } from '../../domain/ids.ts';
import type { Machine } from '../../domain/machine.ts';
import { portionsOf } from '../../lib/portions.ts';
import type { KeptConsole, MachineFilter, MachinePlace, MachineReader } from '../port/machine.ts';
import type { PageFound } from '../port/page.ts';
import { diskIsKept, isForgettableMachine } from './forgettable.ts';
import { imageIsDeleted, toMachine } from './machine-row.ts';
import { idsOfPage } from './page.ts';
import { portionMax, Queries } from './scope.ts';
import { contains } from './search.ts';
import { isShownAsStored, shownStatus } from './shown-status.ts';

const missingShownMax = 5;
/** No network is due later than so long after it was cared for. */
const networkDueMostMs = 3600_000;

function machinesMissing(
  ids: readonly MachineId[],
  found: readonly Pick<Machine, 'id'>[],
): AppError {
  const known = new Set(found.map((row) => row.id));
  const missing = ids.filter((id) => !known.has(id));
  const more = missing.length > missingShownMax ? ', …' : '';
  const shown = missing.slice(0, missingShownMax).join(', ') + more;
  return new AppError(
    'machines_not_found',
    `${missing.length} of ${ids.length} machines are not of this organisation (${shown}); nothing was changed.`,
  );
}

export class SqlMachineReader extends Queries implements MachineReader {
  #live() {
    return this.within(this.db.selectFrom('machine')).where('deletedAt', 'is', null);
  }

  /** Deleted machines that can be brought back. */
  #restorable() {
    return this.within(this.db.selectFrom('machine'))
      .where('deletedAt', 'is not', null)
      .where('deletedUntil', 'is not', null)
      .where(diskIsKept);
  }

  #rows() {
    return this.#live().selectAll().select(imageIsDeleted.as('imageIsDeleted'));
  }

  /** The id of the machine, if it is in the scope. */
  protected visible(id: MachineId) {
    return this.#live().select('id').where('id', '=', id);
  }

  async find(id: MachineId): Promise<Machine | undefined> {
    const row = await this.#rows().where('id', '=', id).executeTakeFirst();
    return row && toMachine(row);
  }

  async get(id: MachineId): Promise<Machine> {
    const machine = await this.find(id);
    if (!machine) throw notFound('machine', id, 'GET /machines');
    return machine;
  }

  async getDeleted(id: MachineId): Promise<Machine> {
    const row = await this.#restorable()
      .where('id', '=', id)
      .selectAll()
      .select(imageIsDeleted.as('imageIsDeleted'))
      .executeTakeFirst();
    if (row) return toMachine(row);
    throw new AppError('not_found', `There is no deleted machine ${id} that can be brought back.`);
  }

  async getMany(ids: readonly MachineId[]): Promise<Machine[]> {
    const found: Machine[] = [];
    for await (const portion of portionsOf(ids, portionMax)) {
      const rows = await this.#rows().where('id', 'in', this.among(portion)).execute();
      found.push(...rows.map(toMachine));
    }
    if (found.length < ids.length) throw machinesMissing(ids, found);
    return found.sort((one, other) => one.id - other.id);
  }

  async list(filter: MachineFilter): Promise<{ machines: Machine[] } & PageFound> {
    const { q, status, hasSessionData, deleted = false, ...page } = filter;
    const all = () => (deleted ? this.#restorable() : this.#live());
    let matching = all();
    if (q) matching = matching.where(contains(q));
    if (status) matching = matching.where(shownStatus, '=', status);
    if (hasSessionData !== undefined)
      matching = matching.where('diskId', hasSessionData ? 'is not' : 'is', null);
    const byNameAlone = !deleted && status === undefined && hasSessionData === undefined;
    const isKept = !q && !deleted && hasSessionData === undefined;
    const { ids, ...rest } = await idsOfPage({
      page,
      rows: matching,
      found: q && byNameAlone ? await this.searched('machine', q, all) : undefined,
      places: !q && byNameAlone ? this.placesOf('machine') : undefined,
      kept:
        isKept && (status === undefined || isShownAsStored(status))
          ? await this.tallied('machine', status)
          : undefined,
    });
    const shown = await all()
      .where('id', 'in', this.among(ids))
      .selectAll()
      .select(imageIsDeleted.as('imageIsDeleted'))
      .orderBy('id', 'desc')
      .execute();
    return { machines: shown.map(toMachine), ...rest };
  }

  async all(): Promise<Machine[]> {
    return (await this.#rows().orderBy('id').execute()).map(toMachine);
  }

  async page(after: number | null, limit: number): Promise<Machine[]> {
    const rows = this.#rows().where('id', '>', (after ?? 0) as MachineId);
    return (await rows.orderBy('id').limit(limit).execute()).map(toMachine);
  }

  ready(): Promise<Pick<Machine, 'id' | 'diskId'>[]> {
    return this.#live().where('status', '=', 'ready').select(['id', 'diskId']).execute();
  }

  async networkDue(at: number, limit: number): Promise<Machine[]> {
    const rows = await this.#rows()
      .where('status', '=', 'ready')
      // What is due later than anything is was written before the clock went back.
      .where((is) =>
        is.or([is('networkDueAt', '<=', at), is('networkDueAt', '>', at + networkDueMostMs)]),
      )
      .orderBy('networkDueAt')
      .limit(limit)
      .execute();
    return rows.map(toMachine);
  }

  places(): Promise<MachinePlace[]> {
    return this.#live()
      .select(['id', 'diskId', 'place', 'awayAt'])
      .where((is) => is.or([is('diskId', 'is not', null), is('place', 'is not', null)]))
      .orderBy('id')
      .execute();
  }

  async forgettable(before: number, limit: number): Promise<MachineId[]> {
    const rows = await this.within(this.db.selectFrom('machine'))
      .where(isForgettableMachine(before))
      .select('id')
      .orderBy('deletedAt')
      .limit(limit)
      .execute();
    return rows.map(({ id }) => id);
  }

  async ofImage(imageId: ImageId): Promise<Machine[]> {
    const ids = await this.#live().where('assignedImageId', '=', imageId).select('id').execute();
    return this.getMany(ids.map(({ id }) => id));
  }

  console(id: MachineId): Promise<KeptConsole | undefined> {
    return this.db
      .selectFrom('machineConsole')
      .select(['shown', 'keptAt'])
      .where('machineId', 'in', this.visible(id))
      .executeTakeFirst();
  }
}
