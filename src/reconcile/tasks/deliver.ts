// Tells webhooks of events. One server at a time does it. First each new event becomes a delivery of
// each webhook that is told of it; then the deliveries that are due are sent, those of one subject
// one after the other. A receiver that hangs holds up its own deliveries alone: what happens to other
// organisations meanwhile is looked for again each period.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type EventFilter, type FleetEvent, nounOf } from '../../domain/event.ts';
import { afterAttempt, type Delivery, type Webhook } from '../../domain/webhook.ts';
import { NoOutsideAnswer, postOutside } from '../../lib/outside-request.ts';
import { signedHeaders } from '../../lib/webhook-signature.ts';
import type { Task, TaskContext } from '../task.ts';

const everyMs = 5000;
/** A run ends after so long, before its lease does; the next one goes on. */
const runMs = 20_000;
/** So many events are looked at for a webhook in one run. */
const eventsMax = 500;
/** A webhook with so many deliveries that wait gets no more; the events wait for it. */
const waitingMax = 1000;
/** So many deliveries of one webhook are sent at once. */
const atOnceMax = 4;
const timeoutMs = 10_000;

export const deliver: Task = {
  everyMs,
  scope: 'cluster',
  isIdle: async (work) => (await work.webhooks.list()).length === 0,
  async run(context) {
    const { store, clock, signal } = context;
    const until = clock.monotonic() + runMs;
    const busy = new Map<Webhook['id'], Promise<void>>();
    // While a receiver hangs, what is new for the others is sent all the same.
    do {
      await store.publishEvents();
      for (const webhook of await store.read('system', (work) => work.webhooks.list())) {
        if (webhook.pausedAt !== null || busy.has(webhook.id)) continue;
        const telling = tell(context, webhook, until).finally(() => busy.delete(webhook.id));
        busy.set(webhook.id, telling);
        await nextTurn();
      }
      const isOver = new AbortController();
      const period = clock.sleep(everyMs, AbortSignal.any([isOver.signal, signal]));
      await Promise.race([Promise.all(busy.values()), period]).catch(() => {});
      isOver.abort();
      await period.catch(() => {});
    } while (busy.size > 0 && clock.monotonic() < until && !signal.aborted);
    await Promise.all(busy.values());
  },
};

/** Never rejects. */
async function tell(context: TaskContext, webhook: Webhook, until: number): Promise<void> {
  try {
    await enqueueNew(context, webhook);
    await sendDue(context, webhook, until);
  } catch (error) {
    if (!context.signal.aborted)
      context.log.error({ err: error }, 'a webhook could not be told; it is told later');
  }
}

async function enqueueNew({ store, present }: TaskContext, webhook: Webhook): Promise<void> {
  const { id, organisationId, types, afterId } = webhook;
  const filter: EventFilter = { types: new Set(types), subjects: null };
  const { events, upTo, waiting } = await store.read(organisationId, async (work) => ({
    upTo: await work.events.newest(),
    waiting: await work.webhooks.waiting(id),
    events: await work.events.after(afterId, eventsMax, filter),
  }));
  const last = events.length < eventsMax ? Math.max(upTo, afterId) : (events.at(-1)?.id ?? afterId);
  if (waiting >= waitingMax || last === afterId) return;
  // Events from before the webhook may have been published after it was made.
  const told = events.filter(
    ({ id: at, createdAt }) => at <= last && createdAt >= webhook.createdAt,
  );
  const deliveries = told.map((event) => deliveryOf(event, present(event)));
  await store.write(organisationId, (work) => work.webhooks.enqueue(webhook, deliveries, last));
}

const deliveryOf = ({ type, subject, createdAt }: FleetEvent, data: object) => ({
  subject: `${nounOf(type)}:${subject}`,
  type,
  body: JSON.stringify({ type, timestamp: new Date(createdAt).toISOString(), data }),
});

async function sendDue(context: TaskContext, webhook: Webhook, until: number): Promise<void> {
  const { store, clock, signal } = context;
  // The run, which all webhooks share, does not become longer for a receiver that is slow.
  for (let tookMs = 0; clock.monotonic() + tookMs < until && !signal.aborted; ) {
    const begun = clock.monotonic();
    const due = await store.read('system', (work) => work.webhooks.due(webhook.id, atOnceMax));
    if (due.length === 0) return;
    await Promise.all(due.map((delivery) => send(context, webhook, delivery)));
    tookMs = clock.monotonic() - begun;
  }
}

const secretsOf = ({ secretSealed, oldSecretSealed, oldSecretUntil }: Webhook, now: number) =>
  oldSecretSealed === null || (oldSecretUntil ?? 0) <= now
    ? [secretSealed]
    : [secretSealed, oldSecretSealed];

async function send(context: TaskContext, webhook: Webhook, delivery: Delivery): Promise<void> {
  const { store, clock, settings, masterKey, signal } = context;
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
}
