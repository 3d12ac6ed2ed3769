// Queries on templates.

import { sql } from 'kysely';
import type { ImageId, LayerId, OrganisationId, TemplateId } from '../../domain/ids.ts';
import { localPlace } from '../../domain/layer-copy.ts';
import {
  type Template,
  type TemplateFor,
  type TemplatePolicy,
  templateMayBecome,
  templateStates,
} from '../../domain/template.ts';
import type {
  ListedTemplate,
  NewTemplate,
  TemplateChange,
  TemplateReader,
  TemplateWriter,
} from '../port/template.ts';
import { isUsable } from './chain.ts';
import { Queries } from './scope.ts';

/** The policy of an image's row, joined with that of its organisation. */
const imagePolicy = (usual: TemplatePolicy) =>
  sql`coalesce(image.templates, organisation.templates, ${usual})`;
const basePolicy = (usual: TemplatePolicy) => sql`coalesce(organisation.templates, ${usual})`;

const canBeStarted = sql`image.status = 'available' and image.deleted_at is null`;

/** The sizes of the machines of each organisation. */
const sizes = sql`(select distinct organisation_id, cpus, memory_mb, disk_size_gb from machine
  where deleted_at is null)`;

const nameOf = sql<string | null>`coalesce(
  (select image.name from image where image.layer_id = template.layer_id
    and image.deleted_at is null order by image.id limit 1),
  (select base_image.name from base_image where base_image.layer_id = template.layer_id
    order by base_image.id limit 1))`;

export class SqlTemplateReader extends Queries implements TemplateReader {
  #all() {
    return this.db.selectFrom('template').selectAll();
  }

  find(id: TemplateId): Promise<Template | undefined> {
    return this.#all().where('id', '=', id).executeTakeFirst();
  }

  async list(): Promise<ListedTemplate[]> {
    const rows = await this.db
      .selectFrom('template')
      .leftJoin('layerCopy', (join) =>
        join
          .onRef('layerCopy.layerId', '=', 'template.resultLayerId')
          .onRef('layerCopy.place', '=', 'template.place'),
      )
      .selectAll('template')
      .select('layerCopy.storedBytes as layerBytes')
      .select(nameOf.as('name'))
      .orderBy('template.createdAt')
      .orderBy('template.id')
      .execute();
    return rows.map((row) => ({ ...row, layerBytes: row.layerBytes ?? 0 }));
  }

  async sizesOf(id: OrganisationId): Promise<Omit<TemplateFor, 'layerId'>[]> {
    return this.db
      .selectFrom('machine')
      .where('organisationId', '=', id)
      .where('deletedAt', 'is', null)
      .select(['cpus', 'memoryMb', 'diskSizeGb'])
      .distinct()
      .orderBy('memoryMb')
      .orderBy('cpus')
      .orderBy('diskSizeGb')
      .execute();
  }

  of({ layerId, cpus, memoryMb, diskSizeGb }: TemplateFor): Promise<Template[]> {
    return this.#all()
      .where('layerId', '=', layerId)
      .where('cpus', '=', cpus)
      .where('memoryMb', '=', memoryMb)
      .where('diskSizeGb', '=', diskSizeGb)
      .where('state', '<>', 'deleting')
      .orderBy('createdAt', 'desc')
      .execute();
  }

  ofResult(layerId: LayerId): Promise<Template | undefined> {
    return this.#all()
      .where('resultLayerId', '=', layerId)
      .where('state', '=', 'ready')
      .executeTakeFirst();
  }

  async wanted(usual: TemplatePolicy, limit: number): Promise<TemplateFor[]> {
    const images = sql`image join organisation on organisation.id = image.organisation_id`;
    const { rows } = await sql<TemplateFor>`
      select layer.id as layer_id, cpus, memory_mb, disk_size_gb from (
        select image.layer_id, machine.cpus, machine.memory_mb, machine.disk_size_gb,
          1 as machines
          from ${images} join machine on machine.assigned_image_id = image.id
          where machine.deleted_at is null and ${canBeStarted}
            and ${imagePolicy(usual)} in ('always', 'on-assignment')
        union all select image.layer_id, size.cpus, size.memory_mb, size.disk_size_gb, 0
          from ${images} join ${sizes} as size on size.organisation_id = image.organisation_id
          where ${canBeStarted} and ${imagePolicy(usual)} = 'always'
        union all select base_image.layer_id, size.cpus, size.memory_mb, size.disk_size_gb, 0
          from organisation join ${sizes} as size on size.organisation_id = organisation.id
            cross join base_image
          where base_image.retired_at is null and ${basePolicy(usual)} = 'always') as wish
        join layer on layer.id = wish.layer_id
      where ${isUsable}
      group by layer.id, cpus, memory_mb, disk_size_gb
      order by sum(machines) desc, layer.id, memory_mb, cpus, disk_size_gb limit ${limit}`.execute(
      this.db,
    );
    return rows;
  }

  async unwanted(): Promise<Template[]> {
    return this.#all()
      .where('state', '<>', 'deleting')
      .where(
        sql<boolean>`not exists (
          select 1 from image join organisation on organisation.id = image.organisation_id
          where image.layer_id = template.layer_id and ${imagePolicy('on-assignment')} <> 'never'
            and (image.deleted_at is null or template.state = 'ready'))`,
      )
      .where(
        sql<boolean>`not exists (
          select 1 from base_image cross join organisation
          where base_image.layer_id = template.layer_id and base_image.retired_at is null
            and ${basePolicy('on-assignment')} <> 'never')`,
      )
      .execute();
  }

  async policyFor(
    organisationId: OrganisationId,
    imageId: ImageId | null,
    usual: TemplatePolicy,
  ): Promise<TemplatePolicy> {
    const { rows } = await sql<{ policy: TemplatePolicy }>`
      select ${imagePolicy(usual)} as policy from organisation
        left join image on image.id = ${imageId} where organisation.id = ${organisationId}`.execute(
      this.db,
    );
    return rows[0]?.policy ?? usual;
  }

  nextToScrub(before: number): Promise<Template | undefined> {
    return this.#all()
      .where('state', '=', 'ready')
      .where(sql<boolean>`coalesce(verified_at, 0) < ${before}`)
      .orderBy(sql`coalesce(verified_at, 0)`)
      .limit(1)
      .executeTakeFirst();
  }
}

export class SqlTemplateWriter extends SqlTemplateReader implements TemplateWriter {
  async add(template: NewTemplate): Promise<void> {
    await this.db
      .insertInto('template')
      .values({
        ...template,
        place: localPlace,
        state: 'making',
        resultLayerId: null,
        stateBytes: 0,
        memoryBytes: 0,
        stateSha256: null,
        memorySha256: null,
        failures: 0,
        retryAt: null,
        reason: null,
        createdAt: this.now(),
        madeAt: null,
        lastUsedAt: null,
        verifiedAt: null,
        deletingAt: null,
      })
      .execute();
  }

  async update(id: TemplateId, change: TemplateChange): Promise<void> {
    await this.db.updateTable('template').set(change).where('id', '=', id).execute();
  }

  async become(
    id: TemplateId,
    state: Template['state'],
    change: TemplateChange = {},
  ): Promise<boolean> {
    const from = templateStates.filter((one) => templateMayBecome(one, state));
    const result = await this.db
      .updateTable('template')
      .set({ ...change, state, ...(state === 'deleting' && { deletingAt: this.now() }) })
      .where('id', '=', id)
      .where('state', 'in', from)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  async remove(id: TemplateId): Promise<void> {
    await this.db
      .deleteFrom('template')
      .where('id', '=', id)
      .where('state', '=', 'deleting')
      .execute();
  }

  async forgetAll(): Promise<void> {
    await this.db.deleteFrom('template').execute();
  }
}
