// Webhooks between the wire and the application.

import {
  webhookCreate,
  webhookDelete,
  webhookDeliveryList,
  webhookGet,
  webhookList,
  webhookPing,
  webhookRedeliver,
} from '../../app/webhook.ts';
import type { Answer } from '../../contract/table.ts';
import type { Delivery, Webhook } from '../../domain/webhook.ts';
import { dateTime, type Handlers } from '../handler.ts';

const presentWebhook = ({ id, url, types, createdAt }: Webhook): Answer<'webhookGet'> => ({
  id,
  type: 'webhook',
  attributes: { id, url, types, created_at: dateTime(createdAt) },
});

const presentDelivery = (delivery: Delivery): Answer<'webhookRedeliver'> => ({
  id: String(delivery.id),
  type: 'webhook_delivery',
  attributes: {
    id: delivery.id,
    event_type: delivery.type,
    subject: delivery.subject,
    state: delivery.state,
    attempts: delivery.attempts,
    answer: delivery.answer,
    body: delivery.body,
    created_at: dateTime(delivery.createdAt),
    next_attempt_at: delivery.state === 'waiting' ? dateTime(delivery.nextAt) : null,
  },
});

export const webhookHandlers: Handlers<
  | 'webhookList'
  | 'webhookCreate'
  | 'webhookGet'
  | 'webhookDelete'
  | 'webhookPing'
  | 'webhookDeliveryList'
  | 'webhookRedeliver'
> = {
  webhookList: async (context) => ({ webhooks: (await webhookList(context)).map(presentWebhook) }),
  async webhookCreate(context, { body }) {
    const { webhook, secret } = await webhookCreate(context, body);
    return { ...presentWebhook(webhook), secret };
  },
  webhookGet: async (context, { params }) => presentWebhook(await webhookGet(context, params.id)),
  async webhookDelete(context, { params }) {
    await webhookDelete(context, params.id);
    return {};
  },
  async webhookPing(context, { params }) {
    await webhookPing(context, params.id);
    return {};
  },
  async webhookDeliveryList(context, { params, query }) {
    const deliveries = await webhookDeliveryList(context, params.id, query.state);
    return { deliveries: deliveries.map(presentDelivery) };
  },
  webhookRedeliver: async (context, { params }) =>
    presentDelivery(await webhookRedeliver(context, params.id, params.delivery)),
};
