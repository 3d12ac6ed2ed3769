// A machine is started once on a layer, to see whether it comes up, and leaves nothing.

import assert from 'node:assert/strict';
import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { AppError } from '../../src/domain/error.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { findProcesses, processesIn } from '../../src/engine/qemu/process.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { layerId } from '../contract/engine/world.ts';
import { temporaryFolder } from '../support.ts';
import { guests, quickBase } from './quick-base.ts';

describe('the trial of a layer', () => {
  it('passes when the machine is ready, and fails with its console when it goes off before', async (t) => {
    const folder = await temporaryFolder(t);
    const root = join(folder, 'engine');
    const engine = await openQemu({ root });
    const tried = async (guest: string, mark: number) => {
      const { boot, ...files } = await quickBase(folder, guest, { mark });
      const base = layerId();
      const { virtualBytes } = await engine.importBase(
        { layerId: base, ...(await contents(files)) },
        call,
      );
      const on = { layerId: base, baseLayerId: base, chain: [base], boot };
      const spec = { ...on, trialId: layerId(), sizeBytes: virtualBytes, timeoutMs: 240_000 };
      return engine.trial.bootOnce(spec, call).then(
        () => 'ready',
        (error: AppError) => `${error.retry}: ${error.message}`,
      );
    };
    assert.equal(await tried(guests.ready, 1), 'ready');
    assert.match(
      await tried(guests.dies, 2),
      /^never: A machine that was started on it once went off before .*no disk for me/s,
    );
    assert.deepEqual(await readdir(join(root, 'builds')), []);
    assert.deepEqual(await readdir(join(root, 'run')), []);
    assert.deepEqual(await findProcesses(processesIn(await realpath(root))), []);
  });
});
