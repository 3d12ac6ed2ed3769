// The application as one object, the only one that HTTP uses: it finds callers, runs their reads
// and changes, and counts. HTTP turns each request into these calls and their results into answers.

import type { Blobs } from '../blobs/port.ts';
import type { MachinePolicy } from '../domain/machine-life.ts';
import type { Forwarding } from '../domain/machine-network.ts';
import type { MasterKey } from '../lib/master-key.ts';
import type { Signer } from '../lib/signing-key.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import {
  accessCheck,
  accessOpen,
  accessResume,
  type Opened,
  recordView,
  type Used,
} from './access.ts';
import { type Caller, Callers } from './caller.ts';
import { type Command, type Done, type Refusal, recordRefusal, runCommand } from './command.ts';
import type { ChangeContext, ReadContext } from './context.ts';
import { ServiceCounter, type ServiceCounts } from './counts.ts';
import { EventFeed } from './event-feed.ts';
import type { Views } from './view.ts';

interface ApplicationOptions {
  store: Store;
  masterKey: MasterKey;
  signer: Signer;
  now: () => number;
  /** For how long a replaced disk is kept, in ms. */
  keepDiskMs: number;
  forwarding: Forwarding;
  machinePolicy: MachinePolicy;
  blobs: Blobs;
  assertTakes: ReadContext['assertTakes'];
  assertEngineHas: ReadContext['assertEngineHas'];
  views: Views;
}

export interface Change {
  command: Command;
  /** The address at which the caller reaches the server, without a slash at its end. */
  publicUrl: string;
  /** Moves bytes before the transaction begins, because a transaction touches no files. */
  stage?: (context: ReadContext) => Promise<void>;
  /** Changes the store, and returns the answer. */
  effect(context: ChangeContext): Promise<object>;
}

export class Application {
  readonly callers: Callers;
  readonly events: EventFeed;
  readonly #options: ApplicationOptions;
  readonly #counter: ServiceCounter;

  constructor(options: ApplicationOptions) {
    this.#options = options;
    this.callers = new Callers(options);
    this.events = new EventFeed(options.store);
    this.#counter = new ServiceCounter(options.store);
  }

  /** The part of a context that reads and changes share. */
  #shared({ organisationId, keyId }: Caller) {
    const { blobs, assertTakes, assertEngineHas, machinePolicy, views } = this.#options;
    return { organisationId, keyId, blobs, assertTakes, assertEngineHas, machinePolicy, views };
  }

  /** `isTimeless`: the result depends on the store alone, and not on the time. */
  async read<Result>(
    caller: Caller,
    run: (context: ReadContext) => Promise<Result>,
  ): Promise<{ result: Result; isTimeless: boolean }> {
    let isTimeless = true;
    const now = () => {
      isTimeless = false;
      return this.#options.now();
    };
    const result = await this.#options.store.read(caller.organisationId, (work) =>
      run({ ...this.#shared(caller), work, now }),
    );
    return { result, isTimeless };
  }

  /** See `Store.version`. */
  version(): number | null {
    return this.#options.store.version();
  }

  /** Throws like `runCommand`. */
  async change({ command, publicUrl, stage, effect }: Change): Promise<Done> {
    const { keepDiskMs, forwarding, signer, masterKey } = this.#options;
    const { caller, requestId, traceparent } = command;
    const origin = { requestId, ...(traceparent !== undefined && { traceparent }) };
    if (stage) await this.read(caller, stage);
    return runCommand(this.#options, command, (work, touched) =>
      effect({
        ...this.#shared(caller),
        work,
        now: work.now,
        touched,
        enqueue: (jobs) => work.jobs.enqueue(jobs.map((job) => ({ ...job, origin }))),
        keepDiskMs,
        forwarding,
        publicUrl,
        signer,
        masterKey,
      }),
    );
  }

  recordRefusal(refusal: Refusal): Promise<void> {
    return recordRefusal(this.#options.store, refusal);
  }

  checkAccess(token: string): Promise<Opened> {
    return accessCheck(this.#options.store, token);
  }

  openAccess(token: string, requestId: string): Promise<Used> {
    return accessOpen(this.#options.store, token, requestId);
  }

  resumeAccess(session: string): Promise<Opened> {
    return accessResume(this.#options.store, session);
  }

  get views(): Views {
    return this.#options.views;
  }

  recordView(view: Parameters<typeof recordView>[1]): Promise<void> {
    return recordView(this.#options.store, view);
  }

  counts(): Promise<ServiceCounts> {
    return this.#counter.counts();
  }
}
