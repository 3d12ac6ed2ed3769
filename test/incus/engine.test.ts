// Runs the engine's contract on an Incus cluster of two members, with real containers.

import { randomBytes } from 'node:crypto';
import { after, before, describe } from 'node:test';
import { openIncus } from '../../src/engine/incus/engine.ts';
import { testEngine } from '../contract/engine.ts';
import { defer, type Scope } from '../support.ts';
import { leftOutWithoutIncus, startIncus } from './cluster.ts';
import { containerBase } from './member.ts';

const installation = randomBytes(12).toString('hex');

describe('an Incus cluster', { skip: leftOutWithoutIncus }, () => {
  let url = '';
  const suite: Scope = { after };
  // Registers the suite's cleanup now, because a hook cannot be added later.
  defer(suite, () => {});
  before(async () => {
    const { first } = await startIncus(suite, { members: 2 });
    url = `unix:${first.socketPath}`;
  });

  testEngine('incus', {
    open: () =>
      openIncus({
        address: { urls: [url] },
        installation,
        project: null,
        pool: null,
        profile: null,
      }),
    base: async () => ({ disk: await containerBase(), boot: { mode: 'bios' } }),
    readyMs: 60_000,
  });
});
