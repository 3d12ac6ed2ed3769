// Adds the events. Where transactions run side by side, they write to `event_outbox`, and a
// publisher moves what is committed into `event`, whose ids are thus in the order in which readers
// see them. `event_floor` has the id of the newest event that was forgotten of each organisation.

import { statements } from './statements.ts';

const columns = `organisation_id bigint not null, type text not null, subject text not null,
  status text, reason text, bytes bigint, bytes_total bigint, facts text not null,
  created_at bigint not null`;

export const events = statements(`
create table event (id IDENTITY, ${columns});
create table event_outbox (id IDENTITY, ${columns});
create table event_floor (organisation_id bigint primary key, id bigint not null);
create index event_listed on event (organisation_id, id);
create index event_log on event (subject, id) where type = 'image.log'`);
