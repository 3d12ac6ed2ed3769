// Queries on layers.

import { sql } from 'kysely';
import type { BootProfile } from '../../domain/boot.ts';
import { AppError } from '../../domain/error.ts';
import type { JobId, LayerId, OrganisationId } from '../../domain/ids.ts';
import type { Layer } from '../../domain/layer.ts';
import { type LayerCopy, localCopy } from '../../domain/layer-copy.ts';
import type {
  CachedLayer,
  ChainBoot,
  LayerChange,
  LayerReader,
  LayerWriter,
  NewLayer,
} from '../port/layer.ts';
import { isUsable, layersAbove } from './chain.ts';
import { inBuild, inUse, unneeded } from './layer-use.ts';
import { boardlessRoots, type Root } from './root.ts';
import type { Database } from './schema.ts';
import { Queries } from './scope.ts';

/** A layer with one of its copies; the columns of the copy are null for a layer without copies. */
type JoinedRow = Database['layer'] & {
  [Column in Exclude<keyof LayerCopy, 'layerId' | 'state'>]: LayerCopy[Column] | null;
} & { copyState: LayerCopy['state'] | null };

function toCopy(layerId: LayerId, row: JoinedRow): LayerCopy[] {
  const { place, copyState: state, storedBytes, digest, verifiedAt, fault } = row;
  if (place === null || state === null || storedBytes === null) return [];
  return [{ layerId, place, state, storedBytes, digest, verifiedAt, fault }];
}

function toLayer<Row extends JoinedRow>([first, ...rest]: readonly [Row, ...Row[]]) {
  const { place, copyState, storedBytes, digest, verifiedAt, fault, boot, ...layer } = first;
  const copies = [first, ...rest].flatMap((row) => toCopy(layer.id, row));
  return { ...layer, boot: boot === null ? null : (JSON.parse(boot) as BootProfile), copies };
}

/** Puts the copies of each layer together; the order of the layers stays. */
function toLayers<Row extends JoinedRow>(rows: readonly Row[]) {
  return [...Map.groupBy(rows, ({ id }) => id).values()].flatMap(([first, ...rest]) =>
    first ? [toLayer<Row>([first, ...rest])] : [],
  );
}

export class SqlLayerReader extends Queries implements LayerReader {
  #all() {
    return this.db
      .selectFrom('layer')
      .leftJoin('layerCopy', 'layerCopy.layerId', 'layer.id')
      .selectAll('layer')
      .select(['place', 'layerCopy.state as copyState', 'storedBytes'])
      .select(['digest', 'verifiedAt', 'fault']);
  }

  async find(id: LayerId): Promise<Layer | undefined> {
    return toLayers(await this.#all().where('layer.id', '=', id).execute())[0];
  }

  async get(id: LayerId): Promise<Layer> {
    const layer = await this.find(id);
    if (!layer) throw new AppError('internal', 'A layer is missing.', { detail: `layer ${id}` });
    return layer;
  }

  async byKey(key: string): Promise<Layer | undefined> {
    return toLayers(await this.#all().where('key', '=', key).execute())[0];
  }

  boardless(): Promise<Root[]> {
    return boardlessRoots(this.db);
  }

  async list(): Promise<Layer[]> {
    return toLayers(await this.#all().orderBy('layer.createdAt').orderBy('layer.id').execute());
  }

  async page(after: string | null, limit: number): Promise<Layer[]> {
    const ids = sql<LayerId>`(select id from layer where id > ${after ?? ''} order by id limit ${limit})`;
    return toLayers(await this.#all().where('layer.id', 'in', ids).orderBy('layer.id').execute());
  }

  async ids(): Promise<LayerId[]> {
    const page = (after: string, limit: number) =>
      this.db
        .selectFrom('layer')
        .select('id')
        .where('id', '>', after as LayerId)
        .limit(limit);
    const rows = await this.inPages((...of) =>
      page(...of)
        .orderBy('id')
        .execute(),
    );
    return rows.map(({ id }) => id);
  }

  async chain(head: LayerId): Promise<Layer[]> {
    const { rows } = await sql<JoinedRow>`
      with recursive chain (id, parent_id, depth) as (
        select id, parent_id, 0 from layer where id = ${head}
        union all select layer.id, layer.parent_id, depth + 1
          from layer join chain on layer.id = chain.parent_id)
      select layer.*, place, layer_copy.state as copy_state, stored_bytes, digest, verified_at,
        fault
      from chain join layer on layer.id = chain.id
        left join layer_copy on layer_copy.layer_id = layer.id
      order by depth`.execute(this.db);
    return rows.length > 0 ? toLayers(rows) : [await this.get(head)];
  }

  async bootOf({ id, baseLayerId }: Pick<Layer, 'id' | 'baseLayerId'>): Promise<ChainBoot> {
    const boot = (await this.find(baseLayerId))?.boot ?? null;
    const chain = (await this.chain(id)).map((layer) => layer.id);
    if (boot) return { boot, baseLayerId, chain };
    throw new AppError('internal', 'It is not known how this image boots.', {
      detail: `root layer ${baseLayerId}`,
    });
  }

  async ownerOf(id: LayerId): Promise<OrganisationId | undefined> {
    const above = layersAbove(id);
    const { rows } = await sql<{ organisationId: OrganisationId }>`
      select organisation_id from image where deleted_at is null and layer_id in ${above}
      union all select organisation_id from disk where state <> 'deleting' and layer_id in ${above}
      union all select id from organisation
      limit 1`.execute(this.db);
    return rows[0]?.organisationId;
  }

  async usersOf(id: LayerId): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      select (select count(*) from image where layer_id = ${id})
        + (select count(*) from disk where layer_id = ${id})
        + (select count(*) from layer where parent_id = ${id} and state <> 'deleting')
        + (select count(*) from base_image where layer_id = ${id}) as count`.execute(this.db);
    return Number(rows[0]?.count ?? 0);
  }

  async lowestAbove(layersMax: number, failedSince: number): Promise<Layer | undefined> {
    const { rows } = await sql<{ id: LayerId }>`
      with recursive tall (id, height) as (
        select id, 1 from layer where parent_id is null and ${isUsable}
        union all select layer.id, tall.height + 1
          from layer join tall on layer.parent_id = tall.id where ${isUsable})
      select layer.id from tall cross join layer
      where layer.id = tall.id and height > ${layersMax} and layer.job_id is null
        and layer.id not in (select job.layer_id from job
          where job.kind = 'layerCompact' and job.state = 'failed' and job.layer_id is not null
            and job.updated_at > ${failedSince})
      order by height limit 1`.execute(this.db);
    return rows[0] && this.get(rows[0].id);
  }

  #steps() {
    const steps = this.#all().where('kind', '=', 'software').where(isUsable);
    return steps.where('key', 'is not', null).orderBy('usedAt');
  }

  async cache(): Promise<CachedLayer[]> {
    const rows = await this.#steps()
      .select(sql<boolean>`(${inUse} or ${inBuild})`.as('inUse'))
      .execute();
    return toLayers(rows).map((layer) => ({ ...layer, inUse: Boolean(layer.inUse) }));
  }

  async idleSteps(limit: number, among?: readonly LayerId[]): Promise<Layer[]> {
    const idle = this.#steps()
      .where(sql<boolean>`not ${inUse}`)
      .where(sql<boolean>`not ${inBuild}`)
      .limit(limit);
    const rows = among ? idle.where('layer.id', 'in', this.among(among)) : idle;
    return toLayers(await rows.execute());
  }

  async cacheBytes(): Promise<number> {
    const { bytes } = await this.db
      .selectFrom('layer')
      .innerJoin('layerCopy', 'layerCopy.layerId', 'layer.id')
      .where('kind', '=', 'software')
      .where('layer.state', '=', 'sealed')
      .where('key', 'is not', null)
      .select((e) => e.fn.sum<number | null>('storedBytes').as('bytes'))
      .executeTakeFirstOrThrow();
    return Number(bytes ?? 0);
  }

  async unneeded(limit: number): Promise<LayerId[]> {
    const rows = await this.db
      .selectFrom('layer')
      .where(unneeded)
      .select('id')
      .limit(limit)
      .execute();
    return rows.map(({ id }) => id);
  }

  async deleting(before: number): Promise<Layer[]> {
    const rows = await this.#all()
      .where('layer.state', '=', 'deleting')
      .where('deletingAt', '<=', before)
      .where(sql<boolean>`not ${inUse}`)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('layer as child')
              .whereRef('child.parentId', '=', 'layer.id')
              .select('child.id'),
          ),
        ),
      )
      .execute();
    return toLayers(rows);
  }

  async deletingInUse(): Promise<Layer[]> {
    return toLayers(await this.#all().where('layer.state', '=', 'deleting').where(inUse).execute());
  }
}

export class SqlLayerWriter extends SqlLayerReader implements LayerWriter {
  async add({ boot, storedBytes, ...layer }: NewLayer): Promise<void> {
    await this.db
      .insertInto('layer')
      .values({
        ...layer,
        boot: boot && JSON.stringify(boot),
        createdAt: this.now(),
        usedAt: this.now(),
        lostKey: null,
        deletingAt: null,
      })
      .execute();
    if (storedBytes !== null) await this.#addCopy(layer.id, storedBytes);
  }

  async #addCopy(layerId: LayerId, storedBytes: number): Promise<void> {
    const rest = { state: 'sound', digest: null, verifiedAt: null, fault: null } as const;
    await this.db
      .insertInto('layerCopy')
      .values({ ...localCopy(layerId), storedBytes, ...rest })
      .onConflict((conflict) => conflict.columns(['layerId', 'place']).doUpdateSet({ storedBytes }))
      .execute();
  }

  async update(id: LayerId, { boot, ...rest }: LayerChange): Promise<void> {
    const change = { ...rest, ...(boot && { boot: JSON.stringify(boot) }) };
    await this.db.updateTable('layer').set(change).where('id', '=', id).execute();
  }

  async seal(
    id: LayerId,
    { virtualBytes, storedBytes }: { virtualBytes: number; storedBytes: number },
  ): Promise<void> {
    await this.db
      .updateTable('layer')
      .set({ virtualBytes, state: 'sealed', jobId: null })
      .where('id', '=', id)
      .execute();
    await this.#addCopy(id, storedBytes);
  }

  async takeOver(id: LayerId, from: JobId | null, to: JobId): Promise<boolean> {
    const result = await this.db
      .updateTable('layer')
      .set({ jobId: to })
      .where('id', '=', id)
      .where('state', '=', 'building')
      .where('jobId', from === null ? 'is' : '=', from)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  async markDeleting(ids: readonly LayerId[]): Promise<void> {
    // Each round goes one layer down, so the loop ends after as many rounds as the tallest chain
    // has layers.
    for (let round = ids; round.length > 0; ) {
      const marked = await this.db
        .updateTable('layer')
        .set({ state: 'deleting', key: null, deletingAt: this.now() })
        .where('id', 'in', this.among(round))
        .where(unneeded)
        .returning('parentId')
        .execute();
      round = marked.flatMap(({ parentId }) => parentId ?? []);
    }
  }

  async remove(id: LayerId): Promise<void> {
    const going = this.db.selectFrom('layer').where('id', '=', id).where('state', '=', 'deleting');
    await this.db.deleteFrom('layerCopy').where('layerId', 'in', going.select('id')).execute();
    await this.db
      .deleteFrom('layer')
      .where('id', '=', id)
      .where('state', '=', 'deleting')
      .execute();
  }
}
