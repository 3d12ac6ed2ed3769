// Gives each holder a hold of its own, since two backups may overlap; those that stand go on.
// `steady` has the newest time of a clock that ran steadily, and which removal waits for it. A
// transfer that is deleted is hidden until the collector has removed its file.

import { statements } from './statements.ts';

export const holders = statements(`
create table held (what text not null, holder text not null, until bigint not null, primary key (what, holder));
insert into held (what, holder, until) select what, '', until from hold;
drop table hold;
alter table held rename to hold;
create table steady (id integer primary key, seen_at bigint not null, waiting text, brakes text not null default '{}');
insert into steady (id, seen_at) select id, seen_at from host;
alter table transfer add column deleted_at bigint`);
