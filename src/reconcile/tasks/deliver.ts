// Tells webhooks of events. One server at a time does it, as soon as events were written, and by a
// timer for what is to be sent again. Webhooks are told side by side, so that a receiver that hangs
// holds up its own deliveries alone.

import type { OrganisationId, WebhookId } from '../../domain/ids.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import { tell } from '../delivery.ts';
import type { Task, TaskContext } from '../task.ts';

const everyMs = 5000;
/** So long a webhook is told without a break; then others that wait have their turn. */
const turnMs = 15_000;
/** So many webhooks are told at once. */
const atOnceMax = 100;

interface Ready {
  id: WebhookId;
  organisationId: OrganisationId;
}

/** The webhooks that may have to be told of something, with the events of all transactions. */
async function readyIn(store: Store): Promise<Ready[]> {
  await store.publishEvents();
  return store.read('system', (work) => work.webhooks.ready());
}

export const deliver: Task = {
  everyMs,
  scope: 'cluster',
  wakesOnEvents: true,
  async isIdle(store) {
    const hasNone = await store.read('system', async (work) => !(await work.webhooks.list())[0]);
    return hasNone || (await readyIn(store)).length === 0;
  },
  async run(context) {
    const turns = new WebhookTurns(context);
    try {
      await turns.look();
      await turns.goOn();
    } finally {
      await turns.end();
    }
  },
};

/** The webhooks that wait for their turn, and those that are being told. */
class WebhookTurns {
  readonly #context: TaskContext;
  readonly #lost = new AbortController();
  readonly #signal: AbortSignal;
  /** In the order in which they came. One that is being told may wait here for another turn. */
  readonly #queue = new Map<WebhookId, Ready>();
  readonly #telling = new Map<WebhookId, Promise<void>>();

  constructor(context: TaskContext) {
    this.#context = context;
    this.#signal = AbortSignal.any([context.signal, this.#lost.signal]);
  }

  async look(): Promise<void> {
    for (const ready of await readyIn(this.#context.store)) this.#queue.set(ready.id, ready);
  }

  /** Resolves when all were told, when the server stops, and when another server has the task. */
  async goOn(): Promise<void> {
    const { nudge, clock, keepLease } = this.#context;
    for (let keptAt = clock.monotonic(); !this.#signal.aborted; ) {
      this.#startSome();
      if (this.#telling.size === 0) return;
      const isOver = (await nudge.sleep(everyMs)) || clock.monotonic() - keptAt >= everyMs;
      if (this.#signal.aborted) return;
      if (isOver) {
        keptAt = clock.monotonic();
        if (!(await keepLease())) return this.#lost.abort(new Error('another server tells now'));
      }
      // A nudge may be lost, so it also looks when its period is over.
      if (nudge.take() || isOver) await this.look();
    }
  }

  #startSome(): void {
    for (const [id, ready] of this.#queue) {
      if (this.#telling.size >= atOnceMax) return;
      if (this.#telling.has(id)) continue;
      this.#queue.delete(id);
      this.#telling.set(id, this.#tell(ready));
    }
  }

  async #tell(ready: Ready): Promise<void> {
    const { clock, log, nudge } = this.#context;
    try {
      const context = { ...this.#context, signal: this.#signal };
      await tell(context, ready, clock.monotonic() + turnMs);
    } catch (error) {
      if (!this.#signal.aborted)
        log.error({ err: error }, 'a webhook could not be told; it is told later');
    } finally {
      this.#telling.delete(ready.id);
      nudge.wake();
    }
  }

  /** Waits for the deliveries that are being sent. */
  async end(): Promise<void> {
    await Promise.all(this.#telling.values());
  }
}
