// Where a data directory may lie.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../support.ts';
import { startQuick } from './quick-server.ts';

describe('a data directory', () => {
  it('may lie deep in folders that only the server passes: images are built, machines start and stop', async (t) => {
    const inaccessible = join(await temporaryFolder(t), 'private'.repeat(20));
    await mkdir(inaccessible, { mode: 0o700 });
    const s = await startQuick(t, { dataDir: join(inaccessible, 'deep'.repeat(20), 'data') });
    assert.equal((await s.build()).status, 'available');
    assert.equal((await s.turn(true)).friendly_status, 'ready');
    assert.equal((await s.turn(false)).friendly_status, 'off');
    await s.assertSound();
  });
});
