// A store that runs the work of each write twice and undoes the first run, as a database does after
// a conflict with another transaction. Work with an effect outside its writer gives a wrong result.

import type { Store } from '../../src/store/port/unit-of-work.ts';

class Undone extends Error {}

export const runningTwice = (store: Store): Store => ({
  ...store,
  async write(scope, work) {
    await store
      .write(scope, async (writer) => {
        // Work that throws is run again too, and throws again.
        await work(writer).catch(() => {});
        throw new Undone();
      })
      .catch((error: unknown) => {
        if (!(error instanceof Undone)) throw error;
      });
    return store.write(scope, work);
  },
});
