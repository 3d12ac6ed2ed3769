// The operator: a user of the host itself, who works on the data directory, or one who signs
// requests to the operator's API with a key of an operator.
// Every change that an operator makes is one `change`, and leaves one entry in the operator's audit
// trail. Functions that only read take the store alone, and leave none.

import { AppError, reasonOf } from '../../domain/error.ts';
import type { Store } from '../../store/port/unit-of-work.ts';

export interface Operator {
  store: Store;
  /** `operator:NAME`, with the user of the host; `key:ID`, with the key that signed the request. */
  name: string;
  /** The id of the request, where there is one. */
  requestId?: string;
}

/** The store and the reporting functions that the work of a change gets. */
export interface Change {
  store: Store;
  /** Whether a request asks for it, and no command on the host. */
  isRemote: boolean;
  /** Names the thing that the change is about, once its id or name is known. */
  touched(thing: string): void;
  /** Says that the change failed, for work that reports a failure without an error. */
  failed(reason: string): void;
}

/** Whether an error refuses the request; every other error says that the work failed. */
const isRefusal = (error: unknown) =>
  error instanceof AppError && error.code !== 'internal' && error.code !== 'unavailable';

/**
 * Makes a function of the operator that changes something. `action` is the name in the trail, noun
 * and verb as in the API; `thingOf` names the thing that is changed, from the arguments.
 *
 * An operator's change may be many transactions, files and programs, so its entry cannot be in one
 * transaction with all of it. The entry is written as `begun` before the work, and gets its outcome
 * after the work. An entry that stays `begun` tells that the process died during the work. When the
 * entry cannot be written, the work does not begin.
 */
export const change =
  <Args extends readonly unknown[], Result>(
    action: string,
    thingOf: (...args: Args) => string,
    work: (change: Change, ...args: Args) => Promise<Result>,
  ) =>
  async ({ store, name, requestId }: Operator, ...args: Args): Promise<Result> => {
    let thing = thingOf(...args);
    let fault: string | null = null;
    const id = await store.write('system', ({ operatorAudit }) =>
      operatorAudit.begin({ operator: name, action, thing, requestId }),
    );
    const end = (outcome: 'done' | 'refused' | 'failed', reason: string | null) =>
      store
        .write('system', ({ operatorAudit }) => operatorAudit.end(id, { thing, outcome, reason }))
        // The operator has to see the result or the error, even where the end cannot be written.
        .catch(() => {});
    try {
      const result = await work(
        {
          store,
          isRemote: requestId !== undefined,
          touched: (what) => {
            thing = what;
          },
          failed: (reason) => {
            fault = reason;
          },
        },
        ...args,
      );
      await end(fault === null ? 'done' : 'failed', fault);
      return result;
    } catch (error) {
      await end(isRefusal(error) ? 'refused' : 'failed', reasonOf(error));
      throw error;
    }
  };
