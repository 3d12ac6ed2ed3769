// The operator in tests, which adds the first rows to a store.

import type { Operator } from '../src/app/operator/context.ts';
import type { Store } from '../src/store/port/unit-of-work.ts';

export const operatorOn = (store: Store): Operator => ({ store, name: 'operator:test' });
