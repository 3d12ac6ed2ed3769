// Webhooks on the wire. All of it is our own addition.

import { Type } from 'typebox';
import { eventTypes } from '../domain/event-type.ts';
import type { WebhookId } from '../domain/ids.ts';
import { DateTime, Enum, NullableDateTime, NullableString, resource } from './envelope.ts';
import { define, nothing } from './operation.ts';

const states = ['waiting', 'delivered', 'dead'] as const;
const idField = Type.Unsafe<WebhookId>({
  type: 'string',
  minLength: 1,
  maxLength: 64,
  pattern: '^[a-z0-9]+$',
  description: 'ID of the webhook',
});
const idParams = Type.Object({ id: idField });
const deliveryParams = Type.Object({
  id: idField,
  delivery: Type.Integer({
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'ID of the delivery',
  }),
});

export const Webhook = resource(
  'webhook',
  'Webhook',
  Type.Object({
    id: Type.String(),
    url: Type.String({ description: 'The address that is told of events' }),
    types: Type.Array(Enum(eventTypes, 'A type of event'), {
      description: 'The events that it is told of',
    }),
    created_at: DateTime('When it was made'),
    paused_at: NullableDateTime('Since when it is told of nothing; null when it is'),
    old_secret_until: NullableDateTime(
      'Until when deliveries are signed with the secret from before the rotation, too',
    ),
    waiting: Type.Integer({ description: 'How many deliveries wait' }),
    dead: Type.Integer({ description: 'How many deliveries are dead' }),
  }),
);

export const WebhookDelivery = resource(
  'webhook_delivery',
  'WebhookDelivery',
  Type.Object({
    id: Type.Integer(),
    event_type: Type.String({ description: 'What happened; ping for a ping' }),
    subject: Type.String({ description: 'The thing, such as image:5' }),
    state: Enum(states, '`dead`: it was tried for a day; it is sent again by hand'),
    attempts: Type.Integer({ description: 'How often it was sent' }),
    answer: NullableString('What the last attempt was answered; null before the first'),
    body: Type.String({ description: 'The JSON that is sent' }),
    created_at: DateTime('When it was first to be sent'),
    next_attempt_at: NullableDateTime('When it is sent next; null when it has ended'),
  }),
);

const url = Type.String({ minLength: 1, maxLength: 2000, description: 'http:// or https://' });
const types = (description: string) =>
  Type.Array(Type.String({ maxLength: 60 }), { minItems: 1, maxItems: 50, description });
const secret = Type.String({ description: 'whsec_…, in the manner of Standard Webhooks' });

const common = { tag: 'Webhooks', permission: 'webhooks:write', extension: true } as const;

export const webhookOperations = {
  webhookList: define({
    ...common,
    method: 'GET',
    path: '/webhooks',
    summary: 'List the webhooks of the organisation',
    response: { webhooks: Type.Array(Webhook) },
    errors: [],
  }),
  webhookCreate: define({
    ...common,
    method: 'POST',
    path: '/webhooks',
    summary: 'Tell an address of events from now on; the secret that signs them is shown here only',
    action: 'webhook_created',
    body: Type.Object({
      url,
      types: Type.Optional(types('Types of events. Default: all but those of progress and logs')),
    }),
    response: { ...Webhook.properties, secret },
    errors: [],
  }),
  webhookGet: define({
    ...common,
    method: 'GET',
    path: '/webhooks/{id}',
    summary: 'Show a webhook',
    params: idParams,
    response: Webhook.properties,
    errors: ['not_found'],
  }),
  webhookUpdate: define({
    ...common,
    method: 'POST',
    path: '/webhooks/{id}',
    summary:
      'Change a webhook, or pause it: what happens meanwhile is told when the pause ends, as far as events are kept',
    action: 'webhook_updated',
    params: idParams,
    body: Type.Object({
      url: Type.Optional(url),
      types: Type.Optional(types('Types of events, in place of those before')),
      paused: Type.Optional(Type.Boolean({ description: 'Whether it is told of nothing' })),
    }),
    response: Webhook.properties,
    errors: ['not_found'],
  }),
  webhookRotate: define({
    ...common,
    method: 'POST',
    path: '/webhooks/{id}/rotate',
    summary:
      'Make a new secret, which is shown here only; deliveries are signed with both for a while',
    action: 'webhook_rotated',
    params: idParams,
    body: Type.Object({
      overlap_seconds: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 90 * 86_400,
          description: 'For how long deliveries are signed with the old secret too. Default: 86400',
        }),
      ),
    }),
    response: { ...Webhook.properties, secret },
    errors: ['not_found'],
  }),
  webhookDelete: define({
    ...common,
    method: 'DELETE',
    path: '/webhooks/{id}',
    summary: 'Remove a webhook with its deliveries',
    action: 'webhook_deleted',
    params: idParams,
    response: nothing,
    errors: ['not_found'],
  }),
  webhookPing: define({
    ...common,
    method: 'POST',
    path: '/webhooks/{id}/ping',
    summary: 'Send a delivery that tells nothing, to try the receiver',
    action: 'webhook_pinged',
    params: idParams,
    response: nothing,
    errors: ['not_found'],
  }),
  webhookDeliveryList: define({
    ...common,
    method: 'GET',
    path: '/webhooks/{id}/deliveries',
    summary: 'List the newest 100 deliveries of a webhook, newest first',
    params: idParams,
    query: Type.Object({ state: Type.Optional(Enum(states, 'Only these')) }),
    response: { deliveries: Type.Array(WebhookDelivery) },
    errors: ['not_found'],
  }),
  webhookRedeliver: define({
    ...common,
    method: 'POST',
    path: '/webhooks/{id}/deliveries/{delivery}/redeliver',
    summary: 'Send a delivery that has ended once more',
    action: 'webhook_redelivered',
    params: deliveryParams,
    response: WebhookDelivery.properties,
    errors: ['not_found'],
  }),
} as const;
