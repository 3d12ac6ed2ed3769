// Adds the lists of the packages on layers, and wants those of all images and bases; the
// provenance of exports; and how the files of layers differ.

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
alter table transfer add column attestation text;
create table file_difference (
  from_layer_id text not null references layer (id) on delete cascade,
  to_layer_id text not null references layer (id) on delete cascade, state text not null,
  reason text, attempts integer not null, asked_at bigint not null, content text,
  primary key (from_layer_id, to_layer_id));
create index file_difference_wanted on file_difference (attempts) where state = 'wanted';
create index file_difference_to on file_difference (to_layer_id);
create index file_difference_asked on file_difference (asked_at)`);
