// A store on a database for one test, and the smallest write to it.

import type { Store } from '../../src/store/port/unit-of-work.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { defer, type Scope } from '../support.ts';

export async function opened(t: Scope, url: string): Promise<Store> {
  const store = await openPostgres({ url });
  defer(t, () => store.close());
  return store;
}

/** Adds an organisation. */
export const add = (store: Store, name: string) =>
  store.write('system', (work) => work.organisations.ensure(name));
