// Follows work of the server until it has ended: it hears of the things through events, and asks
// for one when something has happened to it. Where no events are heard, it asks again and again. A
// server that does not answer is asked again, because its work goes on when it is back. Ctrl-C ends
// the command and not the work.

import type { ClientOptions } from '../../client/client.ts';
import { mayPass } from '../../client/retry.ts';
import { UsageError } from '../parse.ts';
import { type Progress, progressLine } from '../progress.ts';
import type { RemoteContext } from './context.ts';
import { settleEach } from './each.ts';
import { type Last, type Look, Things } from './followed.ts';
import { type Hearer, hear } from './hear.ts';

/** How often things are asked for where no events are heard, and where they are, to be sure. */
const pollMs = 500;
const pollHeardMs = 30_000;
/** A round of many questions is followed by a pause several times as long as it took. */
const pauseFactor = 4;
/** No two rounds are closer, however many events come. */
const restMs = 100;
/** The time that has passed is shown so often. */
const tellMs = 1000;
/** For how long a server may give no answer. */
const patienceMs = 15 * 60_000;
const waitLimitMs = 24 * 3600_000;

/** The terminal of a command that waits, and the server whose events it hears. */
export interface Waiting extends Pick<RemoteContext, 'terminal'> {
  server: ClientOptions;
}

export interface Work<State, Id extends number | string = number> {
  /** In the messages, such as `export`. */
  noun: string;
  /** As events call the things; null for things that no event tells of. */
  subject: 'image' | 'machine' | 'transfer' | null;
  things: readonly { id: Id }[];
  /** The signal ends the question at Ctrl-C, also when the server does not answer. */
  ask: (id: Id, signal: AbortSignal) => Promise<State>;
  look: (state: State) => Look;
  /** The command that shows how the work goes on, for who interrupts this one. */
  watch: string;
}

/** A pause that the signal ends early. */
export const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal.aborted) return end();
    signal.addEventListener('abort', end);
  });

/** The state of a thing that was followed. Throws why it cannot be asked for. */
export function stateOf<State, Id>(last: ReadonlyMap<Id, Last<State>>, id: Id): State {
  const found = last.get(id);
  if (found && 'state' in found) return found.state;
  throw found?.error ?? new UsageError(`${id} has not ended in time.`, 'failed');
}

/** Resolves to the last state of each thing, or to why it cannot be asked for. Throws at Ctrl-C. */
export async function follow<State, Id extends number | string>(
  { terminal, server }: Waiting,
  work: Work<State, Id>,
): Promise<Map<Id, Last<State>>> {
  if (work.things.length === 0) return new Map();
  const progress = progressLine(terminal);
  const [stop, over] = [new AbortController(), new AbortController()];
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  try {
    const following = new Following(work, stop.signal);
    const ids = work.things.map(({ id }) => id);
    const { subject: noun } = work;
    if (noun !== null) void hear(server, { noun, ids }, following, over.signal);
    return await following.untilOver(progress);
  } finally {
    over.abort();
    process.removeListener('SIGINT', interrupt);
    progress.end();
  }
}

class Following<State, Id extends number | string> implements Hearer {
  readonly #work: Work<State, Id>;
  readonly #signal: AbortSignal;
  readonly #things: Things<State, Id>;
  #isHearing = false;
  /** Since when the server has not answered; null when it has. */
  #silentSince: number | null = null;
  /** Aborted when something has happened since the last round began. */
  #wake = new AbortController();

  constructor(work: Work<State, Id>, signal: AbortSignal) {
    this.#work = work;
    this.#signal = signal;
    const ids = work.things.map(({ id }) => id);
    this.#things = new Things(work.noun, ids, work.look);
  }

  readonly onOpen = (): void => this.#hears(true);
  readonly onBreak = (): void => this.#hears(false);

  onEvent(event: Parameters<Things<State, Id>['heard']>[0]): void {
    this.#things.heard(event, Date.now());
    this.#wake.abort();
  }

  /** Asks for all things, since what happened to them before was not heard. */
  #hears(isHearing: boolean): void {
    this.#isHearing = isHearing;
    this.#things.askFor(Date.now());
    this.#wake.abort();
  }

  async untilOver(progress: Progress): Promise<Map<Id, Last<State>>> {
    const endAt = Date.now() + waitLimitMs;
    while (true) {
      this.#wake = new AbortController();
      await this.#ask();
      const now = Date.now();
      if (this.#things.isOver || now > endAt) return this.#things.last();
      const silent = '; the server does not answer and is asked again';
      this.#things.tell(progress, now, this.#silentSince === null ? '' : silent);
      await pause(restMs, this.#signal);
      const waitMs = Math.max(0, Math.min(this.#things.nextAt - Date.now(), tellMs));
      await pause(waitMs, AbortSignal.any([this.#signal, this.#wake.signal]));
      this.#assertGoesOn();
    }
  }

  #assertGoesOn(): void {
    if (!this.#signal.aborted) return;
    throw new UsageError(
      `Interrupted; the work goes on. To see it: silversmith ${this.#work.watch}`,
      'interrupted',
    );
  }

  /** Asks for the things that are due. Throws when the server has not answered for too long. */
  async #ask(): Promise<void> {
    const askedAt = Date.now();
    const due = this.#things.due(askedAt);
    if (due.length === 0) return;
    const answers = await settleEach(due, (id) => this.#work.ask(id, this.#signal));
    this.#assertGoesOn();
    const at = Date.now();
    const passing = answers.find((one) => one.status === 'rejected' && mayPass(one.reason, true));
    this.#silentSince = passing === undefined ? null : (this.#silentSince ?? at);
    if (passing?.status === 'rejected' && at - (this.#silentSince ?? at) > patienceMs)
      throw passing.reason;
    for (const [index, answer] of answers.entries()) {
      const id = due[index];
      if (id === undefined) continue;
      if (answer.status === 'fulfilled') this.#things.answered(id, { state: answer.value });
      else if (!mayPass(answer.reason, true)) this.#things.answered(id, { error: answer.reason });
    }
    const isSure = this.#isHearing && passing === undefined;
    const inMs = isSure ? pollHeardMs : Math.max(pollMs, (at - askedAt) * pauseFactor);
    this.#things.askFor(at + inMs, due);
  }
}
