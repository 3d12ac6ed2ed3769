// Webhooks: a request adds and removes them, and looks at their deliveries. The task `deliver` sends
// what they are told.

import { AppError, invalid } from '../domain/error.ts';
import type { WebhookId } from '../domain/ids.ts';
import {
  type Delivery,
  type DeliveryState,
  parseWebhookTypes,
  parseWebhookUrl,
  type Webhook,
  webhooksMax,
} from '../domain/webhook.ts';
import { newId } from '../lib/new-id.ts';
import { newWebhookSecret } from '../lib/webhook-signature.ts';
import type { ChangeContext, ReadContext } from './context.ts';

const deliveriesMax = 100;

export const webhookList = ({ work }: ReadContext): Promise<Webhook[]> => work.webhooks.list();

export const webhookGet = ({ work }: ReadContext, id: WebhookId): Promise<Webhook> =>
  work.webhooks.get(id);

/**
 * Adds a webhook, which is told of what happens from now on. Its secret is shown here alone. Throws
 * `invalid`.
 */
export async function webhookCreate(
  { work, organisationId, touched, masterKey }: ChangeContext,
  input: { url: string; types?: readonly string[] | undefined },
): Promise<{ webhook: Webhook; secret: string }> {
  const url = parseWebhookUrl(input.url);
  const types = parseWebhookTypes(input.types);
  if ((await work.webhooks.list()).length >= webhooksMax)
    throw invalid(`The organisation has ${webhooksMax} webhooks, which is the most; remove one.`);
  const id = newId<WebhookId>();
  touched({ webhookId: id });
  const secret = newWebhookSecret();
  const afterId = await work.events.newest();
  const webhook = { id, organisationId, url, types, secretSealed: masterKey.seal(secret), afterId };
  return { webhook: await work.webhooks.add(webhook), secret };
}

/** Removes a webhook with its deliveries. Throws `not_found`. */
export async function webhookDelete(
  { work, touched }: ChangeContext,
  id: WebhookId,
): Promise<void> {
  await work.webhooks.get(id);
  touched({ webhookId: id });
  await work.webhooks.remove(id);
}

/** Asks for a delivery that tells nothing, to try the receiver. Throws `not_found`. */
export async function webhookPing({ work, touched }: ChangeContext, id: WebhookId): Promise<void> {
  const webhook = await work.webhooks.get(id);
  touched({ webhookId: id });
  const timestamp = new Date(work.now()).toISOString();
  const body = JSON.stringify({ type: 'ping', timestamp, data: {} });
  await work.webhooks.enqueue(webhook, [{ subject: 'ping', type: 'ping', body }], webhook.afterId);
}

/** The newest deliveries of a webhook, newest first. Throws `not_found`. */
export async function webhookDeliveryList(
  { work }: ReadContext,
  id: WebhookId,
  state?: DeliveryState,
): Promise<Delivery[]> {
  await work.webhooks.get(id);
  return work.webhooks.deliveries(id, deliveriesMax, state);
}

/**
 * Sends a delivery that has ended once more, for another day. Those of its subject that were sent
 * since then come before it. Throws `not_found`, and `conflict` for one that waits.
 */
export async function webhookRedeliver(
  { work, touched }: ChangeContext,
  id: WebhookId,
  deliveryId: number,
): Promise<Delivery> {
  const { state } = await work.webhooks.delivery(id, deliveryId);
  touched({ webhookId: id });
  if (state === 'waiting')
    throw new AppError('conflict', `Delivery ${deliveryId} waits and will be sent; leave it.`);
  const now = work.now();
  const again = { attempts: 0, nextAt: now, createdAt: now, endedAt: null };
  await work.webhooks.updateDelivery(deliveryId, { state: 'waiting', ...again });
  return work.webhooks.delivery(id, deliveryId);
}
