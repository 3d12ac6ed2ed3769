// The types of the client, which are printed from the contract, beside those that are inferred from
// its schemas. The compiler compares them: a difference is an error of `npm run check`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { ApiError } from '../../src/client/errors.ts';
import type {
  PlainSilversmith,
  Silversmith,
  WithoutExtensions,
} from '../../src/client/silversmith.ts';
import type { Envelope, Image, Operations } from '../../src/client/types.ts';
import type { WireErrorName } from '../../src/contract/errors.ts';
import { clientErrorCodes } from '../../src/contract/print/error-codes.ts';
import { clientTypes } from '../../src/contract/print/types.ts';
import type * as Contract from '../../src/contract/table.ts';

/** True when each of the two is assignable to the other. */
type Same<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : false) : false;

type Names = Contract.OperationName;
/** The names of operations whose input or answer differs; there are none. */
type Different = {
  [Name in Names]: [
    Same<Contract.Fields<Name>, Operations[Name]['input']>,
    Same<Contract.Answer<Name>, Operations[Name]['answer']>,
  ] extends [true, true]
    ? never
    : Name;
}[Names];
const none: Same<Different, never> = true;

const names: Same<keyof Operations, Names> = true;
const envelope: Same<Envelope, Contract.Envelope> = true;
const codes: Same<ApiError['code'], WireErrorName | 'unknown'> = true;
// The comparison can fail.
const [wider, narrower]: [Same<Image, Image | null>, Same<{ a?: 1 }, { a: 1 }>] = [false, false];

type Plain = WithoutExtensions<Image>['attributes'];
const plain: Same<keyof Image['attributes'] & keyof Plain, keyof Plain> = true;
const left: 'progress' extends keyof Plain ? false : true = true;

type Ours = Exclude<keyof Silversmith, keyof PlainSilversmith>;
const methods: ['imageLog' | 'upload' | 'events', 'imageList' | 'waitFor'] extends [
  Ours,
  infer Others,
]
  ? Same<Others & Ours, never>
  : false = true;

describe('the types of the client', () => {
  it('are those that the schemas of the contract infer, both ways', () => {
    // The compiler has compared them; these values are its answers.
    for (const same of [none, names, envelope, codes, plain, left, methods]) assert.ok(same);
    assert.ok(!wider && !narrower);
  });

  it('are committed as the contract prints them', () => {
    const committed = (name: string) =>
      readFileSync(new URL(`../../src/client/${name}`, import.meta.url), 'utf8');
    assert.equal(committed('types.ts'), clientTypes(), 'type: npm run contract');
    assert.equal(committed('error-codes.ts'), clientErrorCodes(), 'type: npm run contract');
  });
});
