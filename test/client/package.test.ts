// The files of the client's package, as they are built.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { buildClient } from '../../tools/build-client.ts';
import { temporaryFolder } from '../support.ts';

const kb = 1000;
/** What a program loads. */
const codeBytesMax = 15 * kb;
/** What an editor loads: the types with what they mean. */
const typesBytesMax = 20 * kb;

describe('the package of the client', () => {
  it('loads nothing but its own files, which are small', async (t) => {
    const folder = await temporaryFolder(t);
    buildClient(folder);
    const files = readdirSync(folder, { recursive: true }).map(String);
    const textOf = (end: string) =>
      files
        .filter((file) => file.endsWith(end))
        .map((file) => readFileSync(join(folder, file), 'utf8'))
        .join('');
    const code = textOf('.js');
    const types = textOf('.d.ts');
    for (const text of [code, types]) {
      const loaded = [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, name]) => name);
      assert.ok(loaded.length > 10);
      assert.deepEqual(
        loaded.filter((name) => !name?.startsWith('.')),
        [],
      );
    }
    const size = (text: string) => gzipSync(text, { level: 9 }).length;
    const sizes = `${size(code)} bytes of code, ${size(types)} of types`;
    t.diagnostic(sizes);
    assert.ok(size(code) <= codeBytesMax && size(types) <= typesBytesMax, sizes);
    for (const file of files.filter((name) => name.endsWith('.js'))) {
      const map = JSON.parse(readFileSync(join(folder, `${file}.map`), 'utf8'));
      assert.match(map.sourcesContent[0], /^\/\/ /, 'a map holds its source');
    }
  });
});
