// Errands: what an operator's request asks for and a request is too short for. A request begins one
// and is answered at once; whoever signed it asks how far it is. The work is done by this process,
// and undoes itself when it is ended.
//
// The state is a kept answer of the key that asked, so it is sealed, is there for each server on
// the store, and goes after a day. When a server dies, nobody says any more that its errands go on,
// so they count as failed after a while.

import {
  type Errand,
  errandBeatMs,
  errandLostMs,
  errandResultBytesMax,
  errandsMax,
} from '../../domain/errand.ts';
import { AppError, type ErrorCode, failedForNow, reasonOf } from '../../domain/error.ts';
import type { ErrandId, KeyId } from '../../domain/ids.ts';
import { isInUse } from '../../domain/key.ts';
import type { Clock } from '../../lib/clock.ts';
import type { MasterKey } from '../../lib/master-key.ts';
import { newId } from '../../lib/new-id.ts';
import type { Store, Writer } from '../../store/port/unit-of-work.ts';
import { idempotencyMs } from '../command.ts';

/** Ends with the reason of the signal; `say` tells what it does now. */
type Run = (signal: AbortSignal, say: (phase: string) => void) => Promise<object>;

interface Rooms {
  store: Store;
  masterKey: MasterKey;
  clock: Clock;
  /** Is told of an errand that failed by a defect. */
  failed(error: unknown, fields: object): void;
}

interface Running {
  stop: AbortController;
  ended: Promise<void>;
}

/** No Idempotency-Key of a request has a space, so none is equal to it. */
const keptAs = (id: ErrandId) => `errand ${id}`;

const lost = () => ({
  code: 'unavailable' as ErrorCode,
  message:
    'The server that did it has ended, and with it the work. Look how far it came (silversmith audit list), and ask for it again.',
});

export class Errands {
  readonly #rooms: Rooms;
  readonly #running = new Map<ErrandId, Running>();
  #isOver = false;

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
  }

  /** Begins one, and resolves when its state is kept. Throws `unavailable` when too many run. */
  async begin(keyId: KeyId, action: string, run: Run): Promise<Errand> {
    if (this.#isOver) throw failedForNow('The server is stopping; ask again in a moment.');
    if (this.#running.size >= errandsMax)
      throw failedForNow(
        `${errandsMax} long pieces of work are under way, and no more are done at once; wait for one to end.`,
      );
    const id = newId<ErrandId>();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const running = { stop: new AbortController(), ended };
    this.#running.set(id, running);
    const { store, masterKey } = this.#rooms;
    try {
      const errand = await store.write('system', async (work) => {
        const now = work.now();
        const begun: Errand = {
          ...{ id, action, status: 'running', phase: null, failure: null, result: null },
          ...{ begunAt: now, seenAt: now },
        };
        const sealed = masterKey.seal(JSON.stringify(begun));
        await work.idempotency.keep(keyId, keptAs(id), action, sealed, now + idempotencyMs);
        return begun;
      });
      void this.#do(keyId, errand, running.stop, run).finally(() => {
        this.#running.delete(id);
        end();
      });
      return errand;
    } catch (error) {
      this.#running.delete(id);
      end();
      throw error;
    }
  }

  /** The state of an errand that this key asked for. Throws not-found. */
  async get(keyId: KeyId, id: ErrandId): Promise<Errand> {
    const { store, masterKey } = this.#rooms;
    const { kept, now } = await store.read('system', async (work) => ({
      kept: await work.idempotency.find(keyId, keptAs(id)),
      now: work.now(),
    }));
    if (!kept)
      throw new AppError(
        'not_found',
        `This key has asked for no work ${id} within a day; see: silversmith audit list`,
      );
    const errand: Errand = JSON.parse(masterKey.open(kept.answer));
    const isLost = !this.#running.has(id) && now - errand.seenAt > errandLostMs;
    return errand.status === 'running' && isLost
      ? { ...errand, status: 'failed', failure: lost() }
      : errand;
  }

  /**
   * Ends an errand, whose work is undone, and resolves to its last state. Throws not-found, and
   * `conflict` when another server does it.
   */
  async cancel(keyId: KeyId, id: ErrandId): Promise<Errand> {
    const errand = await this.get(keyId, id);
    if (errand.status !== 'running') return errand;
    const running = this.#running.get(id);
    if (!running)
      throw new AppError(
        'conflict',
        'Another server does this work, and only that one can end it; ask that server, or wait.',
      );
    running.stop.abort(new AppError('unavailable', 'It was cancelled, and what it did is undone.'));
    return errand;
  }

  /** Ends all of them, and resolves when they are undone. */
  async close(): Promise<void> {
    this.#isOver = true;
    const all = [...this.#running.values()];
    for (const { stop } of all)
      stop.abort(failedForNow('The server was stopped, and what was begun is undone.'));
    await Promise.all(all.map(({ ended }) => ended));
  }

  async #do(keyId: KeyId, begun: Errand, stop: AbortController, run: Run): Promise<void> {
    let phase: string | null = null;
    const beating = new AbortController();
    const beats = this.#beat(keyId, begun.id, () => phase, { stop, until: beating.signal });
    let last: Pick<Errand, 'status' | 'failure' | 'result'>;
    try {
      const result = await run(stop.signal, (said) => {
        phase = said;
      });
      if (JSON.stringify(result).length > errandResultBytesMax)
        throw new AppError('too_large', 'It is done, but its result is too long to be kept.');
      last = { status: 'done', failure: null, result };
    } catch (error) {
      const code = error instanceof AppError ? error.code : 'internal';
      if (!(error instanceof AppError))
        this.#rooms.failed(error, { errand: begun.id, action: begun.action });
      last = { status: 'failed', failure: { code, message: reasonOf(error) }, result: null };
    }
    beating.abort();
    await beats;
    await this.#rooms.store
      .write('system', (work) => this.#keep(work, keyId, begun.id, { phase: null, ...last }))
      .catch((error: unknown) => this.#rooms.failed(error, { errand: begun.id }));
  }

  /** Says from time to time that the errand goes on, and ends it when its key is not in use. */
  async #beat(
    keyId: KeyId,
    id: ErrandId,
    phase: () => string | null,
    { stop, until }: { stop: AbortController; until: AbortSignal },
  ): Promise<void> {
    const { store, clock } = this.#rooms;
    while (!until.aborted) {
      await clock.sleep(errandBeatMs, until).catch(() => {});
      if (until.aborted) return;
      const isGood = await store
        .write('system', async (work) => {
          const key = await work.operatorKeys.find(keyId);
          await this.#keep(work, keyId, id, { phase: phase() });
          return key !== undefined && isInUse(key, work.now());
        })
        // A store that cannot be written now does not end the work.
        .catch(() => true);
      if (!isGood)
        stop.abort(
          new AppError(
            'unauthenticated',
            'The key that asked for it was revoked meanwhile, so the work was ended and undone.',
          ),
        );
    }
  }

  async #keep(work: Writer, keyId: KeyId, id: ErrandId, change: Partial<Errand>): Promise<void> {
    const kept = await work.idempotency.find(keyId, keptAs(id));
    if (!kept) return;
    const { masterKey } = this.#rooms;
    const errand: Errand = JSON.parse(masterKey.open(kept.answer));
    const now = { ...errand, ...change, seenAt: work.now() };
    await work.idempotency.reseal(keyId, keptAs(id), masterKey.seal(JSON.stringify(now)));
  }
}
