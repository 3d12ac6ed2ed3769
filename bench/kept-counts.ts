// Joins the rows of the kept counts after a fill. A task of the reconciler does so every half
// minute, but a part at a time, and no server would let a million of these rows come together.

import type { Store } from '../src/store/port/unit-of-work.ts';

const joinsMax = 100;

export async function joinKeptCounts(store: Store): Promise<void> {
  for (let joins = 0; joins < joinsMax; joins++) {
    if (!(await store.read('system', (work) => work.host.hasLooseTallies()))) return;
    await store.write('system', (work) => work.host.joinTallies());
  }
  throw new Error(`kept counts still have rows to join after ${joinsMax} times`);
}
