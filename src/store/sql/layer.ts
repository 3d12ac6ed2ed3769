// Queries on layers: what exists, what is below and above what, and what nothing needs any more.

import { sql } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { JobId, LayerId, OrganisationId } from '../../domain/ids.ts';
import type { Boot, Layer } from '../../domain/layer.ts';
import { type Database, type Db, layersAbove } from './schema.ts';

export type NewLayer = Omit<
  Layer,
  'createdAt' | 'lostKey' | 'digest' | 'verifiedAt' | 'usedAt' | 'deletingAt' | 'fault'
>;

/** What an image, a disk or another layer stands on. */
const inUse = sql<boolean>`(
  exists (select 1 from image where image.layer_id = layer.id)
  or exists (select 1 from disk where disk.layer_id = layer.id)
  or exists (select 1 from layer child where child.parent_id = layer.id and child.state <> 'deleting'))`;

/**
 * A step that a build which is under way has made or found: the image comes to stand on it when the
 * build ends.
 */
const inBuild = sql<boolean>`(
  exists (select 1 from job where job.kind = 'imageInstall' and job.state in ('queued', 'running')
    and job.created_at <= layer.used_at))`;

/**
 * The one definition of what is needed: a base in the catalogue; what an image (also a deleted one
 * that can be brought back), a disk or another layer stands on; what a job works on; and an
 * installed step that builds can find.
 */
const needed = sql<boolean>`(
  ${inUse}
  or exists (select 1 from base_image where base_image.layer_id = layer.id)
  or exists (select 1 from job where job.id = layer.job_id and job.state in ('queued', 'running'))
  or (layer.kind = 'software' and layer.state = 'sealed' and layer.key is not null))`;

const toLayer = <Row extends Database['layer']>(row: Row): Omit<Row, 'boot'> & Layer => ({
  ...row,
  boot: row.boot === null ? null : (JSON.parse(row.boot) as Boot),
});

export const layerQueries = (db: Db, now: () => number) => {
  const all = () => db.selectFrom('layer').selectAll();
  const find = async (id: LayerId): Promise<Layer | undefined> => {
    const row = await all().where('id', '=', id).executeTakeFirst();
    return row && toLayer(row);
  };
  const sound = () =>
    db.selectFrom('layer').where('state', '=', 'sealed').where('jobId', 'is', null);
  return {
    find,
    async get(id: LayerId): Promise<Layer> {
      const layer = await find(id);
      if (!layer) throw new AppError('internal', 'A layer is missing.', { detail: `layer ${id}` });
      return layer;
    },
    list: async (): Promise<Layer[]> => (await all().orderBy('createdAt').execute()).map(toLayer),
    async byKey(key: string): Promise<Layer | undefined> {
      const row = await all().where('key', '=', key).executeTakeFirst();
      return row && toLayer(row);
    },
    /**
     * How the chain of a layer boots, the root beside which kernel and initrd are kept, and the ids
     * of all of it, itself first.
     */
    async bootOf({ id, baseLayerId }: Pick<Layer, 'id' | 'baseLayerId'>) {
      const boot: Boot | null = (await find(baseLayerId))?.boot ?? null;
      const chain = (await this.chain(id)).map((layer) => layer.id);
      if (boot) return { boot, baseLayerId, chain };
      throw new AppError('internal', 'It is not known how this image boots.', {
        detail: `root layer ${baseLayerId}`,
      });
    },
    async add({ boot, ...layer }: NewLayer): Promise<void> {
      const more = {
        lostKey: null,
        digest: null,
        verifiedAt: null,
        usedAt: now(),
        deletingAt: null,
        fault: null,
      };
      await db
        .insertInto('layer')
        .values({ ...layer, ...more, boot: boot && JSON.stringify(boot), createdAt: now() })
        .execute();
    },

    /** From a head down to its base. */
    async chain(head: LayerId): Promise<Layer[]> {
      const { rows } = await sql<Database['layer']>`
        with recursive chain (id, parent_id, depth) as (
          select id, parent_id, 0 from layer where id = ${head}
          union all select layer.id, layer.parent_id, depth + 1 from layer join chain on layer.id = chain.parent_id)
        select layer.* from chain join layer on layer.id = chain.id order by depth`.execute(db);
      return rows.length > 0 ? rows.map(toLayer) : [await this.get(head)];
    },
    /**
     * An organisation that has an image or a disk on a layer, at any depth; any, for a layer on
     * which nobody has one.
     */
    async ownerOf(id: LayerId): Promise<OrganisationId | undefined> {
      const { rows } = await sql<{ organisationId: OrganisationId }>`
        select organisation_id from image where deleted_at is null and layer_id in ${layersAbove(id)}
        union all select organisation_id from disk where state <> 'deleting' and layer_id in ${layersAbove(id)}
        union all select id from organisation
        limit 1`.execute(db);
      return rows[0]?.organisationId;
    },
    /**
     * The lowest layer whose chain has more than `layersMax` layers, all of them sealed: what is
     * damaged is not read for another. Not one whose compaction failed since a time: it would hold
     * up the others.
     */
    async lowestAbove(layersMax: number, failedSince: number): Promise<Layer | undefined> {
      const { rows } = await sql<{ id: LayerId }>`
        with recursive tall (id, height) as (
          select id, 1 from layer where parent_id is null and state = 'sealed'
          union all select layer.id, tall.height + 1 from layer join tall on layer.parent_id = tall.id where layer.state = 'sealed')
        select layer.id from tall join layer on layer.id = tall.id
        where height > ${layersMax} and layer.job_id is null
          and not exists (select 1 from job where job.kind = 'layerCompact' and job.state = 'failed'
            and job.updated_at > ${failedSince} and job.layer_id = layer.id)
        order by height limit 1`.execute(db);
      return rows[0] && this.get(rows[0].id);
    },
    /** How many images, disks and layers stand directly on a layer. */
    async usersOf(id: LayerId): Promise<number> {
      const { rows } = await sql<{ count: number }>`
        select (select count(*) from image where layer_id = ${id}) + (select count(*) from disk where layer_id = ${id})
          + (select count(*) from layer where parent_id = ${id} and state <> 'deleting')
          + (select count(*) from base_image where layer_id = ${id}) as count`.execute(db);
      return Number(rows[0]?.count ?? 0);
    },

    /** Takes over a step that a job left half-way; false when somebody else did or it is sealed. */
    async takeOver(id: LayerId, from: JobId | null, to: JobId): Promise<boolean> {
      const result = await db
        .updateTable('layer')
        .set({ jobId: to })
        .where('id', '=', id)
        .where('state', '=', 'building')
        .where('jobId', from === null ? 'is' : '=', from)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
    async seal(
      id: LayerId,
      { virtualBytes, storedBytes }: Pick<Layer, 'virtualBytes' | 'storedBytes'>,
    ): Promise<void> {
      await db
        .updateTable('layer')
        .set({ virtualBytes, storedBytes, state: 'sealed', jobId: null })
        .where('id', '=', id)
        .execute();
    },
    async update(
      id: LayerId,
      change: Partial<
        Pick<
          Layer,
          | 'state'
          | 'digest'
          | 'verifiedAt'
          | 'usedAt'
          | 'fault'
          | 'parentId'
          | 'storedBytes'
          | 'jobId'
          | 'key'
          | 'lostKey'
          | 'deletingAt'
        >
      >,
    ): Promise<void> {
      await db.updateTable('layer').set(change).where('id', '=', id).execute();
    },

    /** Sealed layers whose digest is not taken yet, and that nobody works on. */
    withoutDigest: async (): Promise<Layer[]> =>
      (await sound().where('digest', 'is', null).orderBy('createdAt').selectAll().execute()).map(
        toLayer,
      ),
    /** The sealed layer whose bytes were compared longest ago, before a time. */
    async nextToScrub(before: number): Promise<Layer | undefined> {
      const row = await sound()
        .where('digest', 'is not', null)
        .where((e) => e(e.fn.coalesce('verifiedAt', 'createdAt'), '<', before))
        .orderBy((e) => e.fn.coalesce('verifiedAt', 'createdAt'))
        .limit(1)
        .selectAll()
        .executeTakeFirst();
      return row && toLayer(row);
    },

    /**
     * The steps that builds can find, the one used longest ago first, and whether an image, a disk
     * or another layer stands on each, or a build that is under way may.
     */
    async cache() {
      const rows = await all()
        .where('kind', '=', 'software')
        .where('state', '=', 'sealed')
        .where('key', 'is not', null)
        .select(sql<boolean>`(${inUse} or ${inBuild})`.as('inUse'))
        .orderBy('usedAt')
        .execute();
      return rows.map(toLayer);
    },

    /** Marks what nothing needs; what is marked cannot be used any more. Idempotent. */
    async markDeleting(): Promise<void> {
      while (true) {
        const result = await db
          .updateTable('layer')
          .set({ state: 'deleting', key: null, deletingAt: now() })
          .where('state', '<>', 'deleting')
          .where(sql<boolean>`not ${needed}`)
          .executeTakeFirst();
        // What stood only on what is marked now is not needed any more either.
        if (result.numUpdatedRows === 0n) return;
      }
    },
    /** Marked before a time and stood on by nothing: a child goes before its parent. */
    async deleting(before: number): Promise<Layer[]> {
      const rows = await all()
        .where('state', '=', 'deleting')
        .where('deletingAt', '<=', before)
        .where(sql<boolean>`not ${inUse}`)
        .where((e) =>
          e.not(
            e.exists(
              e
                .selectFrom('layer as child')
                .whereRef('child.parentId', '=', 'layer.id')
                .select('child.id'),
            ),
          ),
        )
        .execute();
      return rows.map(toLayer);
    },
    /**
     * Marked though something stands on it, which an older store may hold: it may not be removed.
     */
    deletingInUse: async (): Promise<Layer[]> =>
      (await all().where('state', '=', 'deleting').where(inUse).execute()).map(toLayer),
    async remove(id: LayerId): Promise<void> {
      await db.deleteFrom('layer').where('id', '=', id).where('state', '=', 'deleting').execute();
    },
    ids: async (): Promise<LayerId[]> =>
      (await db.selectFrom('layer').select('id').execute()).map((row) => row.id),
  };
};
