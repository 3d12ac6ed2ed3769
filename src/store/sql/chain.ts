// Sets of layers, as subqueries to look for with `in`.

import { sql } from 'kysely';
import type { LayerId } from '../../domain/ids.ts';

/** A layer and all layers that stand on it, at any depth. */
export const layersAbove = (id: LayerId) => sql<LayerId>`(
  with recursive above (id) as (
    select id from layer where id = ${id}
    union select layer.id from layer join above on layer.parent_id = above.id)
  select id from above)`;

/** Whether the row of `layer` is sealed, and a copy of it is sound. */
export const isUsable = sql<boolean>`(layer.state = 'sealed' and exists (
  select 1 from layer_copy where layer_copy.layer_id = layer.id and layer_copy.state = 'sound'))`;

/** The layers that cannot be used, because they or a layer below them have no sound copy. */
export const unusableLayers = sql<LayerId>`(
  with recursive unusable (id) as (
    select id from layer where not ${isUsable}
    union select layer.id from layer join unusable on layer.parent_id = unusable.id)
  select id from unusable)`;
