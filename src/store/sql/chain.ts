// Sets of layers, as subqueries to look for with `in`.

import { sql } from 'kysely';
import type { LayerId } from '../../domain/ids.ts';

/** A layer and all layers that stand on it, at any depth. */
export const layersAbove = (id: LayerId) => sql<LayerId>`(
  with recursive above (id) as (
    select id from layer where id = ${id}
    union select layer.id from layer join above on layer.parent_id = above.id)
  select id from above)`;

/** The layers that cannot be used, because they or a layer below them are not sealed. */
export const unusableLayers = sql<LayerId>`(
  with recursive unusable (id) as (
    select id from layer where state <> 'sealed'
    union select layer.id from layer join unusable on layer.parent_id = unusable.id)
  select id from unusable)`;
