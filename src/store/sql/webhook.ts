// Queries on webhooks and their deliveries.

import { expressionBuilder, type Selectable, sql } from 'kysely';
import { notFound } from '../../domain/error.ts';
import type { WebhookId } from '../../domain/ids.ts';
import {
  type Delivery,
  type DeliveryCounts,
  type DeliveryState,
  longestDelayMs,
  type Webhook,
} from '../../domain/webhook.ts';
import type {
  DeliveryChange,
  NewDelivery,
  NewWebhook,
  WebhookChange,
  WebhookReader,
  WebhookWriter,
} from '../port/webhook.ts';
import type { Database } from './schema.ts';
import { prunedMax, Queries } from './scope.ts';

/** A webhook goes past so many events that it is not told of; fewer of them wait. */
const passedMax = 200;

const isDueAt = (now: number) =>
  sql<boolean>`(next_at <= ${now} or next_at > ${now + longestDelayMs})`;

const toWebhook = ({ types, ...row }: Selectable<Database['webhook']>): Webhook => ({
  ...row,
  types: JSON.parse(types),
});

function hasEnded(deliveredBefore: number, deadBefore: number) {
  const e = expressionBuilder<Database, 'webhookDelivery'>();
  return e.or([
    e('state', '=', 'delivered').and('endedAt', '<', deliveredBefore),
    e('state', '=', 'dead').and('endedAt', '<', deadBefore),
  ]);
}

export class SqlWebhookReader extends Queries implements WebhookReader {
  async list(): Promise<Webhook[]> {
    const rows = await this.within(this.db.selectFrom('webhook'))
      .selectAll()
      .orderBy('createdAt')
      .orderBy('id')
      .execute();
    return rows.map(toWebhook);
  }

  async get(id: WebhookId): Promise<Webhook> {
    const found = await this.find(id);
    if (!found) throw notFound('webhook', id, 'GET /webhooks');
    return found;
  }

  async find(id: WebhookId): Promise<Webhook | undefined> {
    const row = await this.within(this.db.selectFrom('webhook'))
      .where('id', '=', id)
      .selectAll()
      .executeTakeFirst();
    return row && toWebhook(row);
  }

  ready(): Promise<Pick<Webhook, 'id' | 'organisationId'>[]> {
    const isDue = sql`select 1 from webhook_delivery where webhook_id = webhook.id
      and state = 'waiting' and ${isDueAt(this.now())}`;
    const after = sql`select 1 from event where event.organisation_id = webhook.organisation_id
      and event.id > webhook.after_id`;
    // What it is told of is looked for among few events, because it goes past many others at once.
    const isNew = sql`${after} and webhook.types like '%"' || event.type || '"%'`;
    const isFar = sql`${after} + ${sql.lit(passedMax)}`;
    return this.within(this.db.selectFrom('webhook'))
      .where('pausedAt', 'is', null)
      .where(sql<boolean>`(exists (${isDue}) or exists (${isFar}) or exists (${isNew}))`)
      .select(['id', 'organisationId'])
      .orderBy('createdAt')
      .orderBy('id')
      .execute();
  }

  async counts(id: WebhookId): Promise<DeliveryCounts> {
    const dead = await this.#of(id)
      .where(sql<boolean>`state = 'dead'`)
      .select((e) => e.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return { waiting: await this.waiting(id), dead: Number(dead.count) };
  }

  #of(id: WebhookId) {
    return this.within(this.db.selectFrom('webhookDelivery')).where('webhookId', '=', id);
  }

  async deliveries(id: WebhookId, limit: number, state?: DeliveryState): Promise<Delivery[]> {
    const rows = state === undefined ? this.#of(id) : this.#of(id).where('state', '=', state);
    return rows.selectAll().orderBy('id', 'desc').limit(limit).execute();
  }

  async delivery(id: WebhookId, deliveryId: number): Promise<Delivery> {
    const row = await this.#of(id).where('id', '=', deliveryId).selectAll().executeTakeFirst();
    if (!row) throw notFound('delivery', deliveryId, `GET /webhooks/${id}/deliveries`);
    return row;
  }

  async waiting(id: WebhookId): Promise<number> {
    const { count } = await this.#of(id)
      .where(sql<boolean>`state = 'waiting'`)
      .select((e) => e.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  async due(id: WebhookId, limit: number): Promise<Delivery[]> {
    return this.#of(id)
      .where((e) =>
        e.exists(
          e
            .selectFrom('webhook')
            .where('id', '=', id)
            .where('pausedAt', 'is', null)
            .select('webhook.id'),
        ),
      )
      .where('id', 'in', (e) =>
        e
          .selectFrom('webhookDelivery')
          .where('webhookId', '=', id)
          .where(sql<boolean>`state = 'waiting'`)
          .groupBy('subject')
          .select((first) => first.fn.min('id').as('id')),
      )
      .where(isDueAt(this.now()))
      .selectAll()
      .orderBy('id')
      .limit(limit)
      .execute();
  }

  async hasEnded(deliveredBefore: number, deadBefore: number): Promise<boolean> {
    const row = await this.within(this.db.selectFrom('webhookDelivery'))
      .where(hasEnded(deliveredBefore, deadBefore))
      .select('id')
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }
}

export class SqlWebhookWriter extends SqlWebhookReader implements WebhookWriter {
  async add({ types, ...webhook }: NewWebhook): Promise<Webhook> {
    this.assertOwn(webhook);
    const none = { oldSecretSealed: null, oldSecretUntil: null, pausedAt: null };
    const times = { startsAt: this.now(), createdAt: this.now() };
    const row = { ...webhook, ...none, ...times, types: JSON.stringify(types) };
    await this.db.insertInto('webhook').values(row).execute();
    return toWebhook(row);
  }

  async update(id: WebhookId, { types, ...change }: WebhookChange): Promise<void> {
    await this.within(this.db.updateTable('webhook'))
      .set({ ...change, ...(types && { types: JSON.stringify(types) }) })
      .where('id', '=', id)
      .execute();
  }

  async remove(id: WebhookId): Promise<void> {
    await this.within(this.db.deleteFrom('webhookDelivery')).where('webhookId', '=', id).execute();
    await this.within(this.db.deleteFrom('webhook')).where('id', '=', id).execute();
  }

  async enqueue(
    { id, organisationId, afterId: before }: Webhook,
    deliveries: readonly NewDelivery[],
    afterId: number,
  ): Promise<void> {
    this.assertOwn({ organisationId });
    const moved = await this.db
      .updateTable('webhook')
      .set({ afterId, ...(afterId > before && { startsAt: null }) })
      .where('id', '=', id)
      .where('afterId', '=', before)
      .returning('id')
      .executeTakeFirst();
    if (!moved) return;
    const now = this.now();
    await this.insertAll(
      'webhookDelivery',
      deliveries.map((delivery) => ({
        ...delivery,
        ...{ webhookId: id, organisationId, state: 'waiting' as const, attempts: 0, nextAt: now },
        ...{ answer: null, createdAt: now, endedAt: null },
      })),
    );
    if (deliveries.length > 0) this.wroteEvents(0);
  }

  async updateDelivery(id: number, change: DeliveryChange): Promise<void> {
    await this.within(this.db.updateTable('webhookDelivery'))
      .set(change)
      .where('id', '=', id)
      .execute();
    // It is sent again by hand, so nobody has looked for it.
    if (change.attempts === 0) this.wroteEvents(0);
  }

  async renew(id: WebhookId): Promise<void> {
    await this.within(this.db.updateTable('webhookDelivery'))
      .set({ nextAt: this.now(), createdAt: this.now() })
      .where('webhookId', '=', id)
      .where(sql<boolean>`state = 'waiting'`)
      .execute();
    this.wroteEvents(0);
  }

  async prune(deliveredBefore: number, deadBefore: number): Promise<void> {
    const isOver = hasEnded(deliveredBefore, deadBefore);
    const last = await this.within(this.db.selectFrom('webhookDelivery'))
      .where(isOver)
      .select('id')
      .orderBy('id')
      .offset(prunedMax - 1)
      .limit(1)
      .executeTakeFirst();
    const over = this.within(this.db.deleteFrom('webhookDelivery')).where(isOver);
    await (last ? over.where('id', '<=', last.id) : over).execute();
  }
}
