// A store that runs the work of each write twice and undoes the first run, as a database does when
// another transaction got in the way. Work that touches anything beside its writer gives a wrong
// result with it.

import type { Store } from '../../src/store/port/unit-of-work.ts';

class Undone extends Error {}

export const runningTwice = (store: Store): Store => ({
  ...store,
  async write(scope, work) {
    await store
      .write(scope, async (writer) => {
        // Work that refuses is run again too, and refuses again.
        await work(writer).catch(() => {});
        throw new Undone();
      })
      .catch((error: unknown) => {
        if (!(error instanceof Undone)) throw error;
      });
    return store.write(scope, work);
  },
});
