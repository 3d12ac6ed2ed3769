// Checks the messages of commands that fail. Each is one sentence that names the fault, its place
// and the command to type; never a stack or the bare name of a system's error.

import assert from 'node:assert/strict';
import { exitStatuses } from '../../src/cli/exit.ts';
import type { startDemo } from './demo.ts';

export type Row = [args: readonly string[], message: RegExp, env?: Record<string, string>];
/** The statuses of commands that end by themselves, and without success. */
const failures: ReadonlySet<number> = new Set(
  Object.values(exitStatuses)
    .map(({ code }) => code)
    .filter((code) => code > 0 && code < 128),
);
type Run = Awaited<ReturnType<typeof startDemo>>['runIn'];

/** Types each row, and checks that it fails with exactly its sentence. */
export async function refuses(runIn: Run, rows: readonly Row[]): Promise<void> {
  for (const [args, message, env = {}] of rows) {
    const { code, out, err } = await runIn(env, ...args);
    const typed = `${JSON.stringify(env)} ${args.join(' ')}\n${err}`;
    assert.match(err, message, typed);
    assert.ok(failures.has(code), `${code}: ${typed}`);
    assert.equal(out, '', typed);
    assert.doesNotMatch(
      err,
      /\b(E[A-Z]{4,}|ERR_\w+)\b|\n\s+at |TypeError|RangeError|SyntaxError|undefined|NaN/,
      typed,
    );
    // A user of the command line cannot send a request of the API.
    assert.doesNotMatch(err, /\b(GET|POST|PUT|PATCH|DELETE) \//, typed);
  }
}
