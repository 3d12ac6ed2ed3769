// Webhooks: a request adds, changes and removes them, and looks at their deliveries. The task
// `deliver` sends what they are told. Secrets leave in the answer that makes them, and in no other.

import { AppError, invalid } from '../domain/error.ts';
import type { WebhookId } from '../domain/ids.ts';
import {
  type Delivery,
  type DeliveryCounts,
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

type Reading = Pick<ReadContext, 'work'>;
/** An operator's command makes one too, so it has no more than is needed. */
export type WebhookChangeContext = Pick<
  ChangeContext,
  'work' | 'organisationId' | 'touched' | 'masterKey'
>;

/** A webhook without its secrets. */
export type ShownWebhook = Omit<Webhook, 'secretSealed' | 'oldSecretSealed' | 'startsAt'> &
  DeliveryCounts;

async function shown(work: Reading['work'], webhook: Webhook): Promise<ShownWebhook> {
  const { secretSealed: _, oldSecretSealed: __, startsAt: ___, ...rest } = webhook;
  return { ...rest, ...(await work.webhooks.counts(webhook.id)) };
}

export async function webhookList({ work }: Reading): Promise<ShownWebhook[]> {
  const list: ShownWebhook[] = [];
  for (const webhook of await work.webhooks.list()) list.push(await shown(work, webhook));
  return list;
}

/** Throws `not_found`. */
export const webhookGet = async ({ work }: Reading, id: WebhookId): Promise<ShownWebhook> =>
  shown(work, await work.webhooks.get(id));

/**
 * Adds a webhook, which is told of what happens from now on. Its secret is shown here alone. Throws
 * `invalid`.
 */
export async function webhookCreate(
  { work, organisationId, touched, masterKey }: WebhookChangeContext,
  input: { url: string; types?: readonly string[] | undefined },
): Promise<{ webhook: ShownWebhook; secret: string }> {
  const url = parseWebhookUrl(input.url);
  const types = parseWebhookTypes(input.types);
  if ((await work.webhooks.list()).length >= webhooksMax)
    throw invalid(`The organisation has ${webhooksMax} webhooks, which is the most; remove one.`);
  const id = newId<WebhookId>();
  touched({ webhookId: id });
  const secret = newWebhookSecret();
  const afterId = await work.events.newest();
  const webhook = { id, organisationId, url, types, secretSealed: masterKey.seal(secret), afterId };
  return { webhook: await shown(work, await work.webhooks.add(webhook)), secret };
}

interface WebhookUpdate {
  url?: string | undefined;
  types?: readonly string[] | undefined;
  paused?: boolean | undefined;
}

/**
 * Changes what is given. While a webhook is paused its deliveries and its events wait; when the
 * pause ends they are due, and have their whole time again. Throws `not_found` and `invalid`.
 */
export async function webhookUpdate(
  { work, touched }: WebhookChangeContext,
  id: WebhookId,
  { url, types, paused }: WebhookUpdate,
): Promise<ShownWebhook> {
  const { pausedAt } = await work.webhooks.get(id);
  if (url === undefined && types === undefined && paused === undefined)
    throw invalid('Nothing is to be changed; give url, types or paused.');
  touched({ webhookId: id });
  await work.webhooks.update(id, {
    ...(url !== undefined && { url: parseWebhookUrl(url) }),
    ...(types !== undefined && { types: parseWebhookTypes(types) }),
    ...(paused !== undefined && { pausedAt: paused ? (pausedAt ?? work.now()) : null }),
  });
  if (paused === false && pausedAt !== null) await work.webhooks.renew(id);
  return webhookGet({ work }, id);
}

/**
 * Makes a new secret. The old one signs deliveries too for `overlapMs`; one from before that signs
 * none any more. Throws `not_found`.
 */
export async function webhookRotate(
  { work, touched, masterKey }: WebhookChangeContext,
  id: WebhookId,
  overlapMs: number,
): Promise<{ webhook: ShownWebhook; secret: string }> {
  const { secretSealed: old } = await work.webhooks.get(id);
  touched({ webhookId: id });
  const secret = newWebhookSecret();
  await work.webhooks.update(id, {
    secretSealed: masterKey.seal(secret),
    oldSecretSealed: overlapMs > 0 ? old : null,
    oldSecretUntil: overlapMs > 0 ? work.now() + overlapMs : null,
  });
  return { webhook: await webhookGet({ work }, id), secret };
}

/** Removes a webhook with its deliveries. Throws `not_found`. */
export async function webhookDelete(
  { work, touched }: WebhookChangeContext,
  id: WebhookId,
): Promise<void> {
  await work.webhooks.get(id);
  touched({ webhookId: id });
  await work.webhooks.remove(id);
}

/** Asks for a delivery that tells nothing, to try the receiver. Throws `not_found`. */
export async function webhookPing(
  { work, touched }: WebhookChangeContext,
  id: WebhookId,
): Promise<void> {
  const webhook = await work.webhooks.get(id);
  touched({ webhookId: id });
  const timestamp = new Date(work.now()).toISOString();
  const body = JSON.stringify({ type: 'ping', timestamp, data: {} });
  await work.webhooks.enqueue(webhook, [{ subject: 'ping', type: 'ping', body }], webhook.afterId);
}

/** The newest deliveries of a webhook, newest first. Throws `not_found`. */
export async function webhookDeliveryList(
  { work }: Reading,
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
  { work, touched }: WebhookChangeContext,
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
