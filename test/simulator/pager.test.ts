// Long lists and help on a terminal go through the user's pager.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Scope, temporaryFolder } from '../support.ts';
import { startDemo } from './demo.ts';
import { inTerminal } from './pseudo-terminal.ts';

const list = ['machine', 'list', '--columns', 'id'];
const secret = 'a-secret-of-a-test';

/** Types a command in a terminal that is smaller than the list; resolves to what it shows. */
async function typed(
  t: Scope,
  environment: Record<string, string | undefined>,
  pager: string,
  args = list,
  rows = 6,
) {
  const env = { ...environment, PAGER: pager, SILVERSMITH_PROXY_SECRET: secret };
  const terminal = inTerminal(t, { env, rows }, ...args);
  assert.equal(await terminal.closed, 0, terminal.shown());
  return terminal.shown().replaceAll('\r\n', '\n');
}

const all = 'ID\n6\n5\n4\n3\n2\n1\n';

describe('a long list on a terminal', () => {
  it('is shown by the pager of PAGER, and a short one is not', async (t) => {
    const { environment } = await startDemo(t);
    assert.equal(await typed(t, environment, 'head -n 2'), 'ID\n6\n');
    assert.equal(await typed(t, environment, 'head -n 2', list, 24), all);
    assert.match(await typed(t, environment, 'head -n 1', ['machine', '--help']), /^Usage.*\n$/);
  });

  it('is printed as it is with --no-pager, with PAGER empty or cat, and when no pager runs', async (t) => {
    const { environment } = await startDemo(t);
    assert.equal(await typed(t, environment, 'head -n 2', [...list, '--no-pager']), all);
    assert.equal(await typed(t, environment, 'head -n 2', ['--no-pager', ...list]), all);
    for (const pager of ['', ' ', 'cat', '/nowhere/pager'])
      assert.equal(await typed(t, environment, pager), all, pager);
  });

  it('goes to a pager that gets no secret of the environment', async (t) => {
    const { environment } = await startDemo(t);
    const shown = await typed(t, environment, 'env');
    assert.match(shown, /^LESS=FRX$/m);
    assert.ok(!shown.includes(secret) && !shown.includes('SILVERSMITH_'), shown);
  });

  it('leaves Ctrl-C to the pager, and ends when that has ended', async (t) => {
    const { environment } = await startDemo(t);
    const pager = join(await temporaryFolder(t), 'pager');
    await writeFile(pager, '#!/bin/sh\ntrap "echo was left; exit 3" INT\necho open\nsleep 60\n', {
      mode: 0o755,
    });
    const terminal = inTerminal(t, { env: { ...environment, PAGER: pager }, rows: 6 }, ...list);
    await terminal.shows(/open/);
    terminal.type('\u0003');
    assert.equal(await terminal.closed, 0, terminal.shown());
    assert.match(terminal.shown(), /was left/);
  });
});
