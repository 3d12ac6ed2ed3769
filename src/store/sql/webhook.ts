// Queries on webhooks and their deliveries.

import { type Selectable, sql } from 'kysely';
import { notFound } from '../../domain/error.ts';
import type { WebhookId } from '../../domain/ids.ts';
import type { Delivery, DeliveryState, Webhook } from '../../domain/webhook.ts';
import type { DeliveryChange, NewDelivery, WebhookReader, WebhookWriter } from '../port/webhook.ts';
import { prunedMax } from './audit.ts';
import type { Database } from './schema.ts';
import { Queries } from './scope.ts';

const toWebhook = ({ types, ...row }: Selectable<Database['webhook']>): Webhook => ({
  ...row,
  types: JSON.parse(types),
});

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
    const row = await this.within(this.db.selectFrom('webhook'))
      .where('id', '=', id)
      .selectAll()
      .executeTakeFirst();
    if (!row) throw notFound('webhook', id, 'GET /webhooks');
    return toWebhook(row);
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
      .where('id', 'in', (e) =>
        e
          .selectFrom('webhookDelivery')
          .where('webhookId', '=', id)
          .where(sql<boolean>`state = 'waiting'`)
          .groupBy('subject')
          .select((first) => first.fn.min('id').as('id')),
      )
      .where('nextAt', '<=', this.now())
      .selectAll()
      .orderBy('id')
      .limit(limit)
      .execute();
  }

  async hasEnded(deliveredBefore: number, deadBefore: number): Promise<boolean> {
    const row = await this.ended(deliveredBefore, deadBefore).limit(1).executeTakeFirst();
    return row !== undefined;
  }

  protected ended(deliveredBefore: number, deadBefore: number) {
    return this.within(this.db.selectFrom('webhookDelivery'))
      .where((e) =>
        e.or([
          e('state', '=', 'delivered').and('endedAt', '<', deliveredBefore),
          e('state', '=', 'dead').and('endedAt', '<', deadBefore),
        ]),
      )
      .select('id');
  }
}

export class SqlWebhookWriter extends SqlWebhookReader implements WebhookWriter {
  async add({ types, ...webhook }: Omit<Webhook, 'createdAt'>): Promise<Webhook> {
    this.assertOwn(webhook);
    const row = { ...webhook, types: JSON.stringify(types), createdAt: this.now() };
    await this.db.insertInto('webhook').values(row).execute();
    return toWebhook(row);
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
      .set({ afterId })
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
  }

  async updateDelivery(id: number, change: DeliveryChange): Promise<void> {
    await this.within(this.db.updateTable('webhookDelivery'))
      .set(change)
      .where('id', '=', id)
      .execute();
  }

  async reseal(id: WebhookId, secretSealed: string): Promise<void> {
    await this.within(this.db.updateTable('webhook'))
      .set({ secretSealed })
      .where('id', '=', id)
      .execute();
  }

  async prune(deliveredBefore: number, deadBefore: number): Promise<void> {
    const some = this.ended(deliveredBefore, deadBefore).orderBy('id').limit(prunedMax);
    await this.db.deleteFrom('webhookDelivery').where('id', 'in', some).execute();
  }
}
