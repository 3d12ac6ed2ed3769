// Webhooks and their deliveries.

import type { WebhookId } from '../../domain/ids.ts';
import type { Delivery, DeliveryCounts, DeliveryState, Webhook } from '../../domain/webhook.ts';

export type NewDelivery = Pick<Delivery, 'subject' | 'type' | 'body'>;
export type DeliveryChange = Partial<
  Pick<Delivery, 'state' | 'attempts' | 'nextAt' | 'answer' | 'endedAt' | 'createdAt'>
>;

export type NewWebhook = Pick<
  Webhook,
  'id' | 'organisationId' | 'url' | 'types' | 'secretSealed' | 'afterId'
>;
export type WebhookChange = Partial<
  Pick<
    Webhook,
    'url' | 'types' | 'secretSealed' | 'oldSecretSealed' | 'oldSecretUntil' | 'pausedAt'
  >
>;

export interface WebhookReader {
  /** All webhooks, oldest first. */
  list(): Promise<Webhook[]>;
  /** Throws not-found. */
  get(id: WebhookId): Promise<Webhook>;
  find(id: WebhookId): Promise<Webhook | undefined>;
  /**
   * The webhooks that may have to be told of something, oldest first: those that are not paused,
   * and that have a delivery that is due, or events to be told of, or very many others, after the
   * last one that they have passed.
   */
  ready(): Promise<Pick<Webhook, 'id' | 'organisationId'>[]>;
  /** Zeros for a webhook that there is not. */
  counts(id: WebhookId): Promise<DeliveryCounts>;
  /** The newest deliveries of a webhook, at most `limit`, newest first. */
  deliveries(id: WebhookId, limit: number, state?: DeliveryState): Promise<Delivery[]>;
  /** Throws not-found. */
  delivery(id: WebhookId, deliveryId: number): Promise<Delivery>;
  /** How many deliveries of a webhook wait. */
  waiting(id: WebhookId): Promise<number>;
  /**
   * The deliveries of a webhook that are due, oldest first, at most `limit`: of each subject the
   * first that waits, so that the others come after it. A webhook that is paused has none.
   */
  due(id: WebhookId, limit: number): Promise<Delivery[]>;
  /** Whether there is something for `prune` to do. */
  hasEnded(deliveredBefore: number, deadBefore: number): Promise<boolean>;
}

export interface WebhookWriter extends WebhookReader {
  add(webhook: NewWebhook): Promise<Webhook>;
  /** Does nothing when there is none in this scope. */
  update(id: WebhookId, change: WebhookChange): Promise<void>;
  /** Removes a webhook with its deliveries. Does nothing when there is none in this scope. */
  remove(id: WebhookId): Promise<void>;
  /**
   * Adds deliveries, which are due at once, and notes the last event that they are of. Does nothing
   * when another server was faster, so that the webhook has deliveries of later events.
   */
  enqueue(webhook: Webhook, deliveries: readonly NewDelivery[], afterId: number): Promise<void>;
  /** Does nothing when there is no such delivery in this scope. */
  updateDelivery(id: number, change: DeliveryChange): Promise<void>;
  /** Makes all deliveries of a webhook that wait due now, and gives them their whole time again. */
  renew(id: WebhookId): Promise<void>;
  /** Forgets deliveries that ended before a time, but only so many that others do not wait long. */
  prune(deliveredBefore: number, deadBefore: number): Promise<void>;
}
