// Adds what a webhook needs to be looked after: a start, a pause, the secret before the present
// one, the kept numbers of deliveries that wait or are dead, and indexes that find those that are
// due.

import { type Kysely, sql } from 'kysely';
import { type MigrationFor, statements } from './statements.ts';

const columns = statements(`
alter table webhook add column starts_at bigint;
alter table webhook add column paused_at bigint;
alter table webhook add column old_secret_sealed text;
alter table webhook add column old_secret_until bigint;
create index webhook_delivery_due on webhook_delivery (webhook_id, next_at)
  where state = 'waiting';
create index webhook_delivery_oldest on webhook_delivery (webhook_id, created_at)
  where state = 'waiting';
create index webhook_delivery_dead on webhook_delivery (webhook_id) where state = 'dead'`);

const isCounted = "ROW.state <> 'delivered'";

export const webhookCare: MigrationFor = (types) => ({
  async up(db: Kysely<unknown>) {
    await columns(types).up(db);
    await sql`insert into tally (organisation_id, noun, part, amount)
      select organisation_id, 'webhook_delivery', state, count(*) from webhook_delivery
      where state <> 'delivered' group by organisation_id, state`.execute(db);
    for (const statement of types.tally.count('webhook_delivery', 'ROW.state', isCounted))
      await sql.raw(statement).execute(db);
  },
});
