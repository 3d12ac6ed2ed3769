// The system's tar reads the entries that are written here.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { metadataEntry, tarEnd, tarHeader, tarPadding } from './tar.ts';

describe('a tar file', () => {
  it('is read by tar, with names and contents of any length', () => {
    for (const bytes of [0, 1, 511, 512, 513, 70_000]) {
      const content = Buffer.alloc(bytes, 'x');
      const entry = [tarHeader('rootfs/payload', bytes), content, tarPadding(bytes)];
      const file = Buffer.concat([metadataEntry('a "name"'), ...entry, tarEnd]);
      assert.equal(file.length % 512, 0);
      const list = execFileSync('tar', ['-t'], { input: file }).toString();
      assert.equal(list, 'metadata.yaml\nrootfs/payload\n');
      const found = execFileSync('tar', ['-x', '-O', 'rootfs/payload'], { input: file });
      assert.ok(found.equals(content));
    }
  });

  it('refuses a file that is too large for its header', () => {
    assert.throws(() => tarHeader('a', 8 ** 11), /too large here/);
  });
});
