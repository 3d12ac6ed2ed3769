// Splits the bytes of a layer from its content: a layer copy is the bytes in one place. A layer
// that is quarantined becomes a sealed layer whose copy is quarantined.

import { statements } from './statements.ts';

export const layerCopies = statements(`
create table layer_copy (
  layer_id text not null references layer (id), place text not null, state text not null,
  stored_bytes bigint not null, digest text, verified_at bigint, fault text,
  primary key (layer_id, place));
insert into layer_copy (layer_id, place, state, stored_bytes, digest, verified_at, fault)
  select id, 'local', case when state = 'quarantined' then 'quarantined' else 'sound' end,
    stored_bytes, digest, verified_at, fault
  from layer where state <> 'building';
update layer set state = 'sealed' where state = 'quarantined';
alter table layer drop column stored_bytes;
alter table layer drop column digest;
alter table layer drop column verified_at;
alter table layer drop column fault`);
