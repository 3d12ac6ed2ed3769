// Tells one webhook of what there is: its new events become deliveries, and those that are due are
// sent, the deliveries of one subject one after the other.

import { type EventFilter, type FleetEvent, nounOf } from '../domain/event.ts';
import type { OrganisationId, WebhookId } from '../domain/ids.ts';
import { afterAttempt, type Delivery, type Webhook } from '../domain/webhook.ts';
import { NoOutsideAnswer, postOutside } from '../lib/outside-request.ts';
import { signedHeaders } from '../lib/webhook-signature.ts';
import type { TaskContext } from './task.ts';

/** So many events become deliveries at once. */
const eventsMax = 500;
/** A webhook with so many deliveries that wait gets no more; the events wait for it. */
const waitingMax = 1000;
/** So many deliveries of one webhook are sent at once. */
const atOnceMax = 4;
const timeoutMs = 10_000;

type Telling = Pick<
  TaskContext,
  'store' | 'clock' | 'settings' | 'masterKey' | 'meter' | 'present' | 'signal'
>;

interface Of {
  id: WebhookId;
  organisationId: OrganisationId;
}

/** Resolves when nothing is due, or after `until` (by the steady clock) and the sends under way. */
export async function tell(context: Telling, webhook: Of, until: number): Promise<void> {
  const isOver = () => context.signal.aborted || context.clock.monotonic() >= until;
  for (let isMore = true; isMore && !isOver(); ) {
    isMore = await enqueueNew(context, webhook);
    await sendDue(context, webhook.id, isOver);
  }
}

/** Returns whether there may be more events. */
async function enqueueNew({ store, present }: Telling, { id, organisationId }: Of) {
  const { webhook, events, upTo, waiting } = await store.read(organisationId, async (work) => {
    const webhook = await work.webhooks.find(id);
    const filter: EventFilter = { types: new Set(webhook?.types), subjects: null };
    return {
      webhook,
      upTo: await work.events.newest(),
      waiting: await work.webhooks.waiting(id),
      events: webhook ? await work.events.after(webhook.afterId, eventsMax, filter) : [],
    };
  });
  if (!webhook || webhook.pausedAt !== null || waiting >= waitingMax) return false;
  const { afterId } = webhook;
  const isFull = events.length === eventsMax;
  const last = isFull ? (events.at(-1)?.id ?? afterId) : Math.max(upTo, afterId);
  if (last === afterId) return false;
  // Events from before the webhook may have been published after it was made.
  const from = webhook.startsAt ?? Number.NEGATIVE_INFINITY;
  const told = events.filter(({ id: at, createdAt }) => at <= last && createdAt >= from);
  const deliveries = told.map((event) => deliveryOf(event, present(event)));
  await store.write(organisationId, (work) => work.webhooks.enqueue(webhook, deliveries, last));
  return isFull;
}

const deliveryOf = ({ type, subject, createdAt }: FleetEvent, data: object) => ({
  subject: `${nounOf(type)}:${subject}`,
  type,
  body: JSON.stringify({ type, timestamp: new Date(createdAt).toISOString(), data }),
});

async function sendDue(context: Telling, id: WebhookId, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    // Read each time, because it may have got another address or secret, or be removed.
    const { webhook, due } = await context.store.read('system', async (work) => ({
      webhook: await work.webhooks.find(id),
      due: await work.webhooks.due(id, atOnceMax),
    }));
    if (!webhook || due.length === 0) return;
    await Promise.all(due.map((delivery) => send(context, webhook, delivery)));
  }
}

const secretsOf = ({ secretSealed, oldSecretSealed, oldSecretUntil }: Webhook, now: number) =>
  oldSecretSealed === null || (oldSecretUntil ?? 0) <= now
    ? [secretSealed]
    : [secretSealed, oldSecretSealed];

async function send(context: Telling, webhook: Webhook, delivery: Delivery): Promise<void> {
  const { store, clock, settings, masterKey, meter, signal } = context;
  const { id, body } = delivery;
  const headers = signedHeaders(
    secretsOf(webhook, clock.now()).map((sealed) => masterKey.open(sealed)),
    `${webhook.id}-${id}`,
    clock.now(),
    body,
  );
  let [status, answer]: [number | null, string] = [null, ''];
  try {
    status = await postOutside({
      ...{ url: webhook.url, body, timeoutMs, signal },
      headers: { ...headers, 'content-type': 'application/json', 'user-agent': 'Silversmith' },
      allowsInside: settings.webhooksMayAskInside,
    });
    answer = `HTTP ${status}`;
  } catch (error) {
    if (!(error instanceof NoOutsideAnswer)) throw error;
    answer = error.message;
  }
  const change = { ...afterAttempt(delivery, status, clock.now()), answer };
  await store.write('system', (work) => work.webhooks.updateDelivery(id, change));
  meter.delivered(change.state === 'waiting' ? 'retried' : change.state);
}
