// The boundaries of a server: its calls of the engine and its writes of the store. Each return of
// such a call or write, and the beginning of each call of the engine, is a step. The wrappers here
// count the steps and make the chosen step fail.

import { AppError, failedForGood, failedForNow } from '../../../src/domain/error.ts';
import type { Engine } from '../../../src/engine/port/engine.ts';
import type { Store } from '../../../src/store/port/unit-of-work.ts';

/** The step does not return until the job's lease has passed on; then it returns, or throws. */
export type LateFault = 'is late' | 'is late and fails';
/** The step throws: an error that a retry can help, or an error that is final. */
export type FailingFault =
  | 'fails once'
  | 'fails for good'
  | 'fails for good, and so does its undo, once';
/** `dies`: the step never returns, so that the server is as good as dead. */
export type Fault = 'dies' | LateFault | FailingFault;

/** The outcome of a late owner's call; null: the owner was not late at a call of the engine. */
export type LateCall = 'refused' | 'allowed' | null;

const isRefusal = (error: unknown) =>
  error instanceof AppError && /came after a newer one/.test(error.detail ?? '');

export interface Boundaries {
  wrapEngine(engine: Engine): Engine;
  wrapStore(store: Store): Store;
  /** Counts steps from 1 again; resolves when step `at` is reached and goes wrong. */
  goWrongAt(at: number, how: Fault): Promise<'reached'>;
  /** Continues to count, but lets every step succeed. */
  goWell(): void;
  hasFailed(): boolean;
  /** The outcome of the call at the late step. */
  lateCall(): LateCall;
  /** Ends the wait of the step that does not return: it returns, or throws the error. */
  end(error?: Error): void;
}

export function boundaries(): Boundaries {
  let [count, faultAt] = [0, Number.POSITIVE_INFINITY];
  let fault: Fault = 'dies';
  let failures = 0;
  let lateCall: LateCall = null;
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

  /**
   * `canFail` says that a failure of this step fails a job, so faults that throw count the step.
   * Resolves to true when the owner is late here.
   */
  const step = async (canFail: boolean): Promise<boolean> => {
    const hangs = fault === 'dies' || fault === 'is late';
    if (!hangs && !canFail) return false;
    count++;
    if (!hangs && fault !== 'is late and fails') {
      failAt(count);
      return false;
    }
    if (count !== faultAt) return false;
    reached();
    await new Promise<void>((resolve, reject) => {
      release = (error) => (error ? reject(error) : resolve());
    });
    return fault === 'is late';
  };

  return {
    wrapEngine: (engine) =>
      aroundEngine(engine, step, (found) => {
        lateCall = found;
      }),
    // A store that fails ends its server; `dies` covers that.
    wrapStore: (store) => aroundStore(store, () => step(false)),
    goWrongAt(at, how) {
      [count, faultAt, fault, failures, lateCall] = [0, at, how, 0, null];
      return new Promise((resolve) => {
        reached = () => resolve('reached');
      });
    },
    goWell() {
      [count, faultAt, failures] = [0, Number.POSITIVE_INFINITY, 0];
    },
    hasFailed: () => failures > 0,
    lateCall: () => lateCall,
    end: (error) => release(error),
  };
}

/**
 * Calls `step` before and after each call of the engine or one of its parts; says whether a failure
 * fails the job. Reports to `note` the outcome of a call before which the owner was late.
 */
const aroundEngine = <Part extends object>(
  part: Part,
  step: (canFail: boolean) => Promise<boolean>,
  note: (lateCall: LateCall) => void,
): Part =>
  new Proxy(part, {
    get(target, name) {
      const found = Reflect.get(target, name);
      if (typeof found === 'object' && found !== null) return aroundEngine(found, step, note);
      if (typeof found !== 'function') return found;
      return async (...args: unknown[]) => {
        // A digest that cannot be read quarantines the layer instead of failing the job. That has
        // tests of its own.
        const canFail = name !== 'digest';
        const isLate = await step(canFail);
        try {
          const result = await found.apply(target, args);
          if (isLate) note('allowed');
          await step(canFail);
          return result;
        } catch (error) {
          if (isLate) note(isRefusal(error) ? 'refused' : 'allowed');
          throw error;
        }
      };
    },
  });

/** Calls `step` after each write of the store. */
const aroundStore = (store: Store, step: () => Promise<unknown>): Store => ({
  ...store,
  async write(scope, work) {
    const result = await store.write(scope, work);
    await step();
    return result;
  },
});
