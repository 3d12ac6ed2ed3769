// Webhooks between the wire and the application.

import type { ShownWebhook } from '../../app/webhook.ts';
import {
  webhookCreate,
  webhookDelete,
  webhookDeliveryList,
  webhookGet,
  webhookList,
  webhookPing,
  webhookRedeliver,
  webhookRotate,
  webhookUpdate,
} from '../../app/webhook.ts';
import type { Answer } from '../../contract/table.ts';
import type { Delivery } from '../../domain/webhook.ts';
import { dateOrNull, dateTime, type Handlers } from '../handler.ts';

const dayS = 86_400;

const presentWebhook = ({ id, url, types, ...rest }: ShownWebhook): Answer<'webhookGet'> => ({
  id,
  type: 'webhook',
  attributes: {
    ...{ id, url, types },
    created_at: dateTime(rest.createdAt),
    paused_at: dateOrNull(rest.pausedAt),
    old_secret_until: dateOrNull(rest.oldSecretUntil),
    waiting: rest.waiting,
    dead: rest.dead,
  },
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
  | 'webhookUpdate'
  | 'webhookRotate'
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
  webhookUpdate: async (context, { params, body }) =>
    presentWebhook(await webhookUpdate(context, params.id, body)),
  async webhookRotate(context, { params, body: { overlap_seconds: overlapS = dayS } }) {
    const { webhook, secret } = await webhookRotate(context, params.id, overlapS * 1000);
    return { ...presentWebhook(webhook), secret };
  },
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
