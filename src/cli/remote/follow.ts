// Follows work of the server until it has ended. A server that does not answer meanwhile is asked
// again, because its work goes on when it is back. Ctrl-C ends the command and not the work.

import { mayPass } from '../../client/retry.ts';
import { UsageError } from '../parse.ts';
import { type Progress, progressLine } from '../progress.ts';
import type { RemoteContext } from './context.ts';
import { settleEach } from './each.ts';

const pollMs = 500;
/** A round of many questions is followed by a pause several times as long as it took. */
const pauseFactor = 4;
/** For how long a server may give no answer. */
const patienceMs = 15 * 60_000;
const waitLimitMs = 24 * 3600_000;

/** The state of a thing when it was looked at. */
export interface Look {
  status: string;
  phase: string | null;
  /** From 0 to 1; null when it is not known. */
  done: number | null;
  isOver: boolean;
}

export interface Work<State, Id extends number | string = number> {
  /** In the messages, such as `image`. */
  noun: string;
  things: readonly { id: Id }[];
  /** The signal ends the question at Ctrl-C, also when the server does not answer. */
  ask: (id: Id, signal: AbortSignal) => Promise<State>;
  look: (state: State) => Look;
  /** The command that shows how the work goes on, for who interrupts this one. */
  watch: string;
}

type Followed<State, Id> = Map<Id, { state: State } | { error: unknown }>;

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
export function stateOf<State, Id>(last: Followed<State, Id>, id: Id): State {
  const found = last.get(id);
  if (found && 'state' in found) return found.state;
  throw found?.error ?? new UsageError(`${id} has not ended in time.`, 'failed');
}

/** Resolves to the last state of each thing, or to why it cannot be asked for. Throws at Ctrl-C. */
export async function follow<State, Id extends number | string>(
  { terminal }: Pick<RemoteContext, 'terminal'>,
  work: Work<State, Id>,
): Promise<Followed<State, Id>> {
  const progress = progressLine(terminal);
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  try {
    return await untilOver(work, progress, stop.signal);
  } finally {
    process.removeListener('SIGINT', interrupt);
    progress.end();
  }
}

async function untilOver<State, Id extends number | string>(
  work: Work<State, Id>,
  progress: Progress,
  signal: AbortSignal,
): Promise<Followed<State, Id>> {
  const last: Followed<State, Id> = new Map();
  const looks = new Map<Id, Look>();
  const endAt = Date.now() + waitLimitMs;
  let [open, silentSince] = [[...work.things], 0];
  while (true) {
    const askedAt = Date.now();
    const answers = await settleEach(open, ({ id }) => work.ask(id, signal));
    if (signal.aborted) throw interrupted(work);
    const passing = answers.find((one) => one.status === 'rejected' && mayPass(one.reason, true));
    for (const [at, answer] of answers.entries()) {
      const id = open[at]?.id;
      if (id === undefined) continue;
      if (answer.status === 'fulfilled') {
        last.set(id, { state: answer.value });
        looks.set(id, work.look(answer.value));
      } else if (!mayPass(answer.reason, true)) last.set(id, { error: answer.reason });
    }
    const at = Date.now();
    silentSince = passing === undefined ? 0 : silentSince || at;
    if (passing?.status === 'rejected' && at - silentSince > patienceMs) throw passing.reason;
    const isOver = ({ id }: { id: Id }) => {
      const known = last.get(id);
      return known !== undefined && ('error' in known || looks.get(id)?.isOver === true);
    };
    open = open.filter((thing) => !isOver(thing));
    if (open.length === 0 || at > endAt) return last;
    const said = inWords(work, looks);
    if (silentSince > 0)
      progress.say(`${said.phase}; the server does not answer and is asked again`, '', said.done);
    else progress.say(said.phase, said.share, said.done);
    await pause(Math.max(pollMs, (at - askedAt) * pauseFactor), signal);
    if (signal.aborted) throw interrupted(work);
  }
}

const interrupted = ({ watch }: { watch: string }) =>
  new UsageError(`Interrupted; the work goes on. To see it: silversmith ${watch}`, 'interrupted');

/** The progress of all things in one line. */
function inWords<Id extends number | string>(
  { noun, things }: Pick<Work<unknown, Id>, 'noun' | 'things'>,
  looks: ReadonlyMap<Id, Look>,
) {
  const [first, ...others] = things;
  if (first && others.length === 0) {
    const { status, phase, done } = looks.get(first.id) ?? { status: 'asked for', done: null };
    const share = done === null || done <= 0 ? '' : `${Math.floor(done * 100)} %`;
    return { phase: `${noun} ${first.id}: ${status}${phase ? `, ${phase}` : ''}`, share, done };
  }
  const counts = new Map<string, number>();
  for (const { status } of looks.values()) counts.set(status, (counts.get(status) ?? 0) + 1);
  const over = [...looks.values()].filter(({ isOver }) => isOver).length;
  const parts = [...counts].map(([status, count]) => `${count} ${status}`).join(', ');
  const phase = `${over} of ${things.length} ${noun}s: ${parts}`;
  return { phase, share: '', done: over / things.length };
}
