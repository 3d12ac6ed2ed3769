// Characters for property tests.

import fc from 'fast-check';

/** So many numbers of 16 bits are halves of a pair, which are no characters alone. */
const [surrogatesFrom, surrogates] = [0xd800, 0x800];

/**
 * Any character of Unicode, as the unit of `fc.string`. The unit `binary` draws the same; but it
 * first makes a table of all of them, which takes a second and 100 MB in each process.
 */
export const anyCharacter = fc
  .integer({ min: 0, max: 0x10ffff - surrogates })
  .map((number) => String.fromCodePoint(number < surrogatesFrom ? number : number + surrogates));
