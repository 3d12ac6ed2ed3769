// The boundaries of a server: its calls of the engine and its writes of the store. Each return of
// one, and each call of the engine, is a step. The wrappers here count the steps and make the one
// that is named go wrong.

import { failedForGood, failedForNow } from '../../../src/domain/error.ts';
import type { Engine } from '../../../src/engine/port.ts';
import type { Store } from '../../../src/store/port/unit-of-work.ts';

/** The step does not return until the job's lease has passed on; then it returns, or throws. */
export type LateFault = 'is late' | 'is late and fails';
/** The step throws: an error that may pass, or one that does not. */
export type FailingFault =
  | 'fails once'
  | 'fails for good'
  | 'fails for good, and so does its undo, once';
/** `dies`: the step never returns, so that the server is as good as dead. */
export type Fault = 'dies' | LateFault | FailingFault;

export interface Boundaries {
  wrapEngine(engine: Engine): Engine;
  wrapStore(store: Store): Store;
  /** Counts steps from 1 again; resolves when step `at` is reached and goes wrong. */
  goWrongAt(at: number, how: Fault): Promise<'reached'>;
  /** Counts on, but nothing goes wrong any more. */
  goWell(): void;
  hasFailed(): boolean;
  /** Ends the wait of the step that does not return: it returns, or throws the error. */
  end(error?: Error): void;
}

export function boundaries(): Boundaries {
  let [count, faultAt] = [0, Number.POSITIVE_INFINITY];
  let fault: Fault = 'dies';
  let failures = 0;
  let reached: () => void = () => {};
  let release: (error?: Error) => void = () => {};

  const failAt = (at: number) => {
    const undoFails =
      fault === 'fails for good, and so does its undo, once' && at > faultAt && failures === 1;
    if (at !== faultAt && !undoFails) return;
    failures++;
    reached();
    throw fault === 'fails once' || undoFails
      ? failedForNow('on purpose, once')
      : failedForGood('on purpose, for good');
  };

  /** `canFail`: a failure of this step fails a job, so faults that throw count it. */
  const step = async (canFail: boolean) => {
    const hangs = fault === 'dies' || fault === 'is late';
    if (!hangs && !canFail) return;
    count++;
    if (!hangs && fault !== 'is late and fails') return failAt(count);
    if (count !== faultAt) return;
    reached();
    await new Promise<void>((resolve, reject) => {
      release = (error) => (error ? reject(error) : resolve());
    });
  };

  return {
    wrapEngine: (engine) => aroundEngine(engine, step),
    // A store that fails ends its server; `dies` covers that.
    wrapStore: (store) => aroundStore(store, () => step(false)),
    goWrongAt(at, how) {
      [count, faultAt, fault, failures] = [0, at, how, 0];
      return new Promise((resolve) => {
        reached = () => resolve('reached');
      });
    },
    goWell() {
      [count, faultAt, failures] = [0, Number.POSITIVE_INFINITY, 0];
    },
    hasFailed: () => failures > 0,
    end: (error) => release(error),
  };
}

/** Calls `step` before and after each call of the engine; says whether a failure fails the job. */
const aroundEngine = (engine: Engine, step: (canFail: boolean) => Promise<void>): Engine =>
  new Proxy(engine, {
    get(target, name) {
      const verb = Reflect.get(target, name);
      if (typeof verb !== 'function') return verb;
      return async (...args: unknown[]) => {
        // A digest that cannot be read quarantines the layer instead of failing the job. That has
        // tests of its own.
        const canFail = name !== 'layerDigest';
        await step(canFail);
        const result = await verb.apply(target, args);
        await step(canFail);
        return result;
      };
    },
  });

/** Calls `step` after each write of the store. */
const aroundStore = (store: Store, step: () => Promise<void>): Store => ({
  ...store,
  async write(scope, work) {
    const result = await store.write(scope, work);
    await step();
    return result;
  },
});
