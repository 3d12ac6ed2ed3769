// The things that a command follows: what is known of each, when to ask for it next, and all of it
// in one line.

import type { Gap } from '../../client/events.ts';
import type { FleetEvent } from '../../client/types.ts';
import type { Progress } from '../progress.ts';

const tailLinesMax = 20;
const lineCharsMax = 1000;

/** The state of a thing when it was looked at. */
export interface Look {
  status: string;
  phase: string | null;
  /** From 0 to 1; null when it is not known. */
  done: number | null;
  isOver: boolean;
}

export type Last<State> = { state: State } | { error: unknown };

interface Thing<State> {
  /** When it is asked for next; never while it is being asked for. */
  askAt: number;
  look: Look | null;
  /** When its work is done at this pace; null while that is not known. */
  doneAt: number | null;
  last: Last<State> | null;
  isOver: boolean;
}

export class Things<State, Id extends number | string> {
  readonly #noun: string;
  readonly #look: (state: State) => Look;
  readonly #things: ReadonlyMap<string, Thing<State> & { id: Id }>;
  #tail: string[] = [];

  constructor(noun: string, ids: readonly Id[], look: (state: State) => Look) {
    this.#noun = noun;
    this.#look = look;
    const unknown = { askAt: 0, look: null, doneAt: null, last: null, isOver: false };
    this.#things = new Map(ids.map((id) => [String(id), { id, ...unknown }]));
  }

  get #open() {
    return [...this.#things.values()].filter(({ isOver }) => !isOver);
  }

  get isOver(): boolean {
    return this.#open.length === 0;
  }

  /** The things that are to be asked for now; they are not given again before `askFor`. */
  due(now: number): Id[] {
    const due = this.#open.filter(({ askAt }) => askAt <= now);
    for (const thing of due) thing.askAt = Number.POSITIVE_INFINITY;
    return due.map(({ id }) => id);
  }

  /** When something is to be asked for next. */
  get nextAt(): number {
    return this.#open.reduce(
      (least, { askAt }) => Math.min(least, askAt),
      Number.POSITIVE_INFINITY,
    );
  }

  /** Asks for these at that time, or before it where that was wanted already. */
  askFor(at: number, ids: readonly (Id | string)[] = [...this.#things.keys()]): void {
    for (const id of ids) {
      const thing = this.#things.get(String(id));
      if (thing) thing.askAt = Math.min(thing.askAt, at);
    }
  }

  answered(id: Id, last: Last<State>): void {
    const thing = this.#things.get(String(id));
    if (!thing) return;
    thing.last = last;
    const look = 'state' in last ? this.#look(last.state) : null;
    if (look?.phase !== thing.look?.phase) thing.doneAt = null;
    thing.look = look ?? thing.look;
    thing.isOver = look === null || look.isOver;
  }

  heard(event: FleetEvent | Gap, now: number): void {
    const thing = event.type === 'gap' ? undefined : this.#things.get(event.subject.id);
    if (event.type === 'gap') this.askFor(now);
    else if (thing?.isOver !== false) return;
    else if (event.type === 'image.log') this.#print(event, thing.id);
    else if (event.type.endsWith('.progress') && event.status === thing.look?.status)
      this.#goesOn(thing, event, now);
    else this.askFor(now, [thing.id]);
  }

  #goesOn(thing: Thing<State>, event: FleetEvent, now: number): void {
    if (thing.look === null) return;
    const { phase, progress, remaining_ms: remainingMs, waits_because: waits } = event;
    const says = waits === undefined ? phase : `waits: ${waits}`;
    thing.look = {
      ...thing.look,
      phase: says ?? thing.look.phase,
      done: progress ?? thing.look.done,
    };
    thing.doneAt = remainingMs === undefined ? null : now + remainingMs;
  }

  #print({ lines = [] }: FleetEvent, id: Id): void {
    const whose = this.#things.size === 1 ? '' : `${id}: `;
    const said = lines.slice(-tailLinesMax).map((line) => whose + line.slice(0, lineCharsMax));
    this.#tail = [...this.#tail, ...said].slice(-tailLinesMax);
  }

  last(): Map<Id, Last<State>> {
    return new Map(
      [...this.#things.values()].flatMap(({ id, last }) => (last === null ? [] : [[id, last]])),
    );
  }

  /** Shows all things in one line; `aside` is said behind their states. */
  tell(progress: Progress, now: number, aside = ''): void {
    const [first, ...others] = this.#things.values();
    if (!first) return;
    if (others.length > 0) this.#tellCounts(progress, aside);
    else this.#tellOne(first, progress, now, aside);
  }

  #tellOne(first: Thing<State> & { id: Id }, progress: Progress, now: number, aside: string) {
    const { status, phase, done } = first.look ?? { status: 'asked for', phase: null, done: null };
    const share = done === null || done <= 0 ? '' : `${Math.floor(done * 100)} %`;
    const leftMs = first.doneAt !== null && first.doneAt > now ? first.doneAt - now : null;
    const says = `${this.#noun} ${first.id}: ${status}${phase ? `, ${phase}` : ''}`;
    progress.say(says + aside, share, done, { leftMs, tail: this.#tail });
  }

  #tellCounts(progress: Progress, aside: string): void {
    const all = [...this.#things.values()];
    const counts = new Map<string, number>();
    for (const { look } of all)
      if (look) counts.set(look.status, (counts.get(look.status) ?? 0) + 1);
    const over = all.filter(({ isOver }) => isOver).length;
    const parts = [...counts].map(([status, count]) => `${count} ${status}`).join(', ');
    const says = `${over} of ${all.length} ${this.#noun}s: ${parts}`;
    progress.say(says + aside, '', over / all.length, { tail: this.#tail });
  }
}
