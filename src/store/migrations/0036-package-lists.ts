// Adds the lists of the packages on layers, and wants those of all images and bases; and the
// provenance of exports.

import { statements } from './statements.ts';

export const packageLists = statements(`
create table package_list (
  layer_id text primary key references layer (id) on delete cascade, state text not null,
  reason text, attempts integer not null, packages integer, listed_at bigint, content text);
create index package_list_wanted on package_list (attempts) where state = 'wanted';
insert into package_list (layer_id, state, attempts)
  select id, 'wanted', 0 from layer where state = 'sealed' and (
    id in (select layer_id from base_image) or
    id in (select layer_id from image where status = 'available' and deleted_at is null));
alter table transfer add column attestation text`);
