// The commands that show what is installed inside images.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startDemo } from './demo.ts';
import { refuses } from './refuses.ts';

describe('the packages of an image', () => {
  it('are listed, given as documents, and compared, as soon as the image is made', async (t) => {
    const { run, runIn, dataDir } = await startDemo(t);
    await run('image', 'install', 'htop', '--name', 'Mine');
    const shown = await run('image', 'packages', 'Mine');
    assert.deepEqual([shown.code, shown.out.match(/^sim-/gm)?.length], [0, 2], shown.err);
    assert.match(shown.out, /^Simulated 1: 2 packages/);
    const { attributes } = JSON.parse((await run('image', 'packages', 'Mine', '--json')).out);
    assert.equal(attributes.packages.length, 2);
    const again = await run('image', 'packages', 'Mine', '--again', '--json');
    assert.equal(JSON.parse(again.out).attributes.state, 'listed');

    const printed = JSON.parse((await run('image', 'sbom', 'Mine')).out);
    assert.deepEqual([printed.bomFormat, printed.components.length], ['CycloneDX', 2]);
    const output = join(dataDir, 'mine.spdx.json');
    const written = await run('image', 'sbom', 'Mine', '--format', 'spdx', '--output', output);
    assert.deepEqual([written.code, written.out], [0, `${output}\n`]);
    assert.equal(JSON.parse(await readFile(output, 'utf8')).spdxVersion, 'SPDX-2.3');

    await run('image', 'install', 'htop', 'Git', '--name', 'More');
    const difference = await run('image', 'diff', 'Mine', 'More', '--exit-code');
    assert.deepEqual([difference.code, difference.out.match(/^added/gm)?.length], [1, 1]);
    assert.equal((await run('image', 'diff', 'Mine', 'More')).code, 0);
    const same = await run('image', 'diff', 'Mine', 'Mine', '--exit-code');
    assert.deepEqual([same.code, /are the same as those of Mine/.test(same.out)], [0, true]);
    assert.match((await run('image', 'diff', 'Mine')).out, /^added +sim-/m);

    await refuses(runIn, [
      [['image', 'sbom', 'Mine', '--output', output], /--output: .* is there already/],
      [['image', 'sbom', 'Mine', '--format', 'xml'], /--format/],
      [['image', 'packages', 'Nobody'], /no image named "Nobody"/],
      [['image', 'diff', 'Mine', '77'], /no image 77/],
    ]);
  });
});
