// Whether a system can use a larger disk, by the partitions of layouts that makers and installers
// have.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { growthFaultOf } from './growth.ts';
import type { Partition } from './partition.ts';

const gib = 1024 ** 3;

/** Partitions one behind the other: [type, size in GiB]. */
function layout(...rows: [type: string, sizeGib: number][]): Partition[] {
  let startBytes = 1024 ** 2;
  return rows.map(([type, sizeGib], index) => {
    const sizeBytes = sizeGib * gib;
    const partition = { name: `partition ${index + 1}`, type, startBytes, sizeBytes };
    startBytes += sizeBytes;
    return partition;
  });
}

describe('the growth of a root', () => {
  it('is not in doubt where the largest partition is the last, or there is none', () => {
    assert.equal(growthFaultOf(layout(['83', 2])), null);
    assert.equal(growthFaultOf(layout(['ef', 0.1], ['83', 0.5], ['83', 8])), null);
    assert.equal(
      growthFaultOf([{ name: 'the disk', type: '', startBytes: 0, sizeBytes: gib }]),
      null,
    );
    // Debian's cloud images number their root 1, and have it last.
    assert.equal(growthFaultOf(layout(['ef', 0.1], ['83', 2]).reverse()), null);
  });

  it('is told to fail where swap lies behind the root, with the size that the root keeps', () => {
    const said = growthFaultOf(layout(['83', 2.4], ['82', 1])) ?? '';
    assert.match(
      said,
      /behind its partition 1, the largest, lies partition 2 \(swap\), .* keeps its 2.4 GiB/,
    );
    assert.match(
      growthFaultOf(layout(['83', 7], ['05', 1])) ?? '',
      /\(extended, with others in it\)/,
    );
  });

  it('is not in doubt where the root is on LVM, because the guest grows that too', () => {
    const guid = '79d3d6e607f5c244a23c238f2a3df928';
    assert.equal(growthFaultOf(layout(['83', 0.5], [guid, 9])), null);
    assert.match(growthFaultOf(layout(['8e', 9], ['82', 1])) ?? '', /swap/);
  });
});
