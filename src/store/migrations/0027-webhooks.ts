// Adds webhooks, their deliveries, and the webhook that an entry of the audit trail is about.

import { statements } from './statements.ts';

export const webhooks = statements(`
create table webhook (
  id text primary key, organisation_id bigint not null references organisation (id),
  url text not null, types text not null, secret_sealed text not null, after_id bigint not null,
  created_at bigint not null);
create table webhook_delivery (
  id IDENTITY, webhook_id text not null references webhook (id), organisation_id bigint not null,
  subject text not null, type text not null, body text not null, state text not null,
  attempts integer not null, next_at bigint not null, answer text, created_at bigint not null,
  ended_at bigint);
create index webhook_delivery_waiting on webhook_delivery (webhook_id, subject, id)
  where state = 'waiting';
create index webhook_delivery_listed on webhook_delivery (webhook_id, id);
create index webhook_delivery_ended on webhook_delivery (ended_at) where ended_at is not null;
alter table audit add column webhook_id text`);
