// The work of a server at its engine. A server that has the data of a host-bound engine, and does
// not get its lease, answers requests only, and asks for the lease again and again: when the server
// that has it is gone, this one takes over.

import type { Engine } from '../engine/port/engine.ts';
import type { Log } from '../lib/log.ts';
import type { Reconciler } from '../reconcile/loop.ts';
import type { EngineLease } from './engine-lease.ts';
import { workedElsewhere } from './replica.ts';

const againMs = 10_000;

export interface Opened {
  engine: Engine;
  /** Of a host-bound engine beside other servers. */
  lease: EngineLease | null;
}

interface EngineWorkOptions {
  dataDir: string;
  /** Resolves to null when another server works the engine. */
  open(): Promise<Opened | null>;
  /** Whether this server has the engine's data, so that it may work it another time. */
  mayWork: boolean;
}

export class EngineWork {
  readonly #options: EngineWorkOptions;
  #opened: Opened | null = null;
  #reconciler: Reconciler | null = null;
  #build: ((engine: Engine) => Reconciler) | null = null;
  #log: Log | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** The change of the work that is under way; null when none is. */
  #changing: Promise<void> | null = null;

  constructor(options: EngineWorkOptions) {
    this.#options = options;
  }

  /** Null while another server works the engine. */
  get engine(): Engine | null {
    return this.#opened?.engine ?? null;
  }

  /** Throws `unavailable` while another server works the engine. */
  get reconciler(): Reconciler {
    if (this.#reconciler === null) throw workedElsewhere(this.#options.dataDir);
    return this.#reconciler;
  }

  nudge(): void {
    this.#reconciler?.nudge();
  }

  /** Opens the engine, when no other server works it. Throws its errors. */
  async open(): Promise<void> {
    this.#opened = await this.#options.open();
  }

  /** Begins to work, now or when the lease is free. */
  start(build: (engine: Engine) => Reconciler, log: Log): void {
    this.#build = build;
    this.#log = log;
    this.#begin();
    if (!this.#options.mayWork) return;
    this.#timer = setInterval(() => {
      if (this.#opened === null && this.#changing === null) this.#change(this.#tryAgain());
    }, againMs);
    this.#timer.unref();
  }

  #begin(): void {
    if (this.#opened === null || this.#build === null) return;
    this.#reconciler = this.#build(this.#opened.engine);
    this.#reconciler.start();
    const lacks = this.#opened.engine.network?.lacks ?? null;
    if (lacks !== null) this.#log?.warn({}, `machines have no uplink: ${lacks}`);
    this.#opened.lease?.onLost(() => {
      this.#log?.error({}, 'another server has taken over the engine; this one ends its work');
      this.#change(this.#end());
    });
  }

  #change(work: Promise<void>): void {
    const changing = work.finally(() => {
      if (this.#changing === changing) this.#changing = null;
    });
    this.#changing = changing;
  }

  async #tryAgain(): Promise<void> {
    try {
      await this.open();
      if (this.#opened === null) return;
      this.#log?.warn({}, 'the engine’s lease was free; this server works the engine now');
      this.#begin();
    } catch (error) {
      this.#log?.error({ err: error }, 'the engine could not be opened; another try follows');
    }
  }

  async #end(): Promise<void> {
    const [opened, reconciler] = [this.#opened, this.#reconciler];
    [this.#reconciler, this.#opened] = [null, null];
    await endAll(opened, reconciler);
  }

  /** Ends the work, for good. The engine and the reconciler can still be looked at. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#changing;
    await endAll(this.#opened, this.#reconciler);
  }
}

async function endAll(opened: Opened | null, reconciler: Reconciler | null): Promise<void> {
  await reconciler?.stop();
  await opened?.engine.close();
  await opened?.lease?.release();
}
