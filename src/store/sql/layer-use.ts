// Conditions on the use of a layer: what stands on it, and whether anything needs it.

import { sql } from 'kysely';
import { openJob } from './open-job.ts';

/** Whether an image, a disk or another layer stands directly on the layer. */
export const inUse = sql<boolean>`(
  exists (select 1 from image where image.layer_id = layer.id)
  or exists (select 1 from disk where disk.layer_id = layer.id)
  or exists (select 1 from layer child
    where child.parent_id = layer.id and child.state <> 'deleting'))`;

/**
 * Whether a build that is under way may have made or found the layer. The image of a build stands
 * on its layers only when the build ends.
 */
export const inBuild = sql.raw<boolean>(
  openJob("job.kind in ('imageInstall', 'imageReuse') and job.created_at <= layer.used_at"),
);

/**
 * The only definition of a layer that is not needed: it is no base in the catalogue; no image (also
 * no deleted image that can be restored), disk or other layer stands on it, and no template has it
 * as its result; no job works on it; and
 * it is no installed step that builds can find. Each condition stands alone, because databases join
 * such conditions, and ask for each row when they are joined with `or`.
 */
export const unneeded = sql<boolean>`layer.state <> 'deleting'
  and not (layer.kind = 'software' and layer.state = 'sealed' and layer.key is not null)
  and not exists (select 1 from image where image.layer_id = layer.id)
  and not exists (select 1 from disk where disk.layer_id = layer.id)
  and not exists (select 1 from template
    where template.result_layer_id = layer.id and template.state <> 'deleting')
  and not exists (select 1 from layer child
    where child.parent_id = layer.id and child.state <> 'deleting')
  and not exists (select 1 from base_image where base_image.layer_id = layer.id)
  and not ${sql.raw(openJob('job.id = layer.job_id'))}`;
