// Moves how a chain boots to its root. A root that is no base stands alone and boots by its
// firmware. A capture belongs to the organisation of what stands on it. A transfer's file is
// counted while it is there, or may still be written.

import { statements } from './statements.ts';

export const rootsAndOwners = statements(`
alter table layer add column boot text;
alter table layer add column organisation_id bigint references organisation (id);
alter table transfer add column held_bytes bigint not null default 0;
update layer set boot = (select max(boot) from base_image where base_image.layer_id = layer.id) where id = base_layer_id;
update layer set boot = '{"mode":"firmware"}' where id = base_layer_id and boot is null;
alter table base_image drop column boot;
with recursive needed (id, organisation_id) as (
  select layer_id, organisation_id from image where layer_id is not null
  union select layer_id, organisation_id from disk
  union select layer.parent_id, needed.organisation_id from layer join needed on layer.id = needed.id where layer.parent_id is not null)
  update layer set organisation_id = (select min(needed.organisation_id) from needed where needed.id = layer.id) where kind = 'capture';
create index layer_organisation on layer (organisation_id);
update transfer set held_bytes = bytes where kind = 'export' or status = 'receiving' or status = 'building'`);
