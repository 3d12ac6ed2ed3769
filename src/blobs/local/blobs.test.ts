// Runs the contract of blobs on files of this host.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { testBlobs } from '../../../test/contract/blobs.ts';
import { temporaryFolder } from '../../../test/support.ts';
import type { TransferId } from '../../domain/ids.ts';
import { localBlobs } from './blobs.ts';

testBlobs('blobs on this host', async (t) => localBlobs(await temporaryFolder(t)));

it('removes with a blob what an engine left beside it under the same id', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'a1.qcow2.part'), 'half');
  const blobs = localBlobs(folder);
  assert.deepEqual(await blobs.list(), ['a1']);
  await blobs.remove('a1' as TransferId);
  assert.deepEqual(await blobs.list(), []);
});
