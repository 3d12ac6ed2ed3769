// A demo, and its commands as typed by somebody with a key of operators.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Scope } from '../support.ts';
import { startDemo } from './demo.ts';

export async function startFar(t: Scope) {
  const demo = await startDemo(t);
  const { url, key, secret } = JSON.parse(await readFile(join(demo.dataDir, 'demo.json'), 'utf8'));
  const made = await demo.run('key', 'create', '--operator', '--name', 'far', '--json');
  const operator: { key: string; secret: string } = JSON.parse(made.out);
  const SILVERSMITH_URL: string = url;
  /** Types a command as somebody with the key of operators. */
  const far = (...args: string[]) =>
    demo.runIn(
      {
        ...{ SILVERSMITH_URL, SILVERSMITH_KEY: operator.key },
        SILVERSMITH_SECRET: operator.secret,
      },
      ...args,
    );
  const json = async (typed: Promise<{ code: number; out: string; err: string }>) => {
    const { code, out, err } = await typed;
    assert.equal(code, 0, err);
    return JSON.parse(out);
  };
  return { ...demo, url: SILVERSMITH_URL, tenant: { key, secret }, operator, far, json };
}
