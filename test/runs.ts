// How often a property test draws. `npm test` draws few times, since it runs often and draws anew
// each time; `npm run test:properties` draws many times.

/** So many times as many; a whole number of at least 1. */
const factor = Number(process.env.SILVERSMITH_TEST_RUNS ?? '1');
if (!Number.isInteger(factor) || factor < 1)
  throw new RangeError('SILVERSMITH_TEST_RUNS is a whole number of at least 1, such as 20.');

export const runs = (few: number): number => few * factor;
