// Search by name: a text matches every name that contains it, in any case and any script.

import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { storeFile } from '../../src/store/sqlite/database.ts';
import { startHarness } from './harness.ts';

const found: [name: string, ...texts: string[]][] = [
  ['ΣΊΣΥΦΟΣ', 'ΣΊΣ', 'σίς', 'φος', 'φοσ'],
  ['Straße 7', 'STRASSE', 'strasse', 'STRAẞE', 'ss'],
  ['İzmir', 'İZMIR', 'i\u0307zm'],
  ['100 % ÄRGER_', '%', '_', 'ärger_', 'A\u0308RGER', '100'],
];
const foundIn = (text: string) =>
  found.filter(([, ...texts]) => texts.includes(text)).map(([name]) => name);

type Lists = ['imageList', 'images'] | ['machineList', 'machines'];

async function named(t: TestContext) {
  const h = await startHarness(t, { reconcile: false });
  for (const [name] of found) {
    await h.call('imageInstall', { body: { name } });
    await h.addMachine(h.ours, name);
  }
  const search = async ([operation, field]: Lists, text: string): Promise<string[]> => {
    const { body } = await h.call(operation, { query: `?q=${encodeURIComponent(text)}` });
    const names = body[field].map((one: { attributes: { name: string } }) => one.attributes.name);
    assert.equal(body.count, names.length);
    return names.reverse();
  };
  return { h, search };
}

describe('a search', () => {
  for (const list of [
    ['imageList', 'images'],
    ['machineList', 'machines'],
  ] as Lists[]) {
    it(`by ${list[0]} finds a name in any case of any script, and takes each character literally`, async (t) => {
      const { search } = await named(t);
      for (const [, ...texts] of found)
        for (const text of texts) assert.deepEqual(await search(list, text), foundIn(text), text);
    });

    it(`by ${list[0]} finds nothing for a text that no name holds, such as one with a NUL`, async (t) => {
      const { h, search } = await named(t);
      for (const text of ['\0', 'ΣΊΣ\0', '\0ΣΊΣ', '100\0', 'zmır', '\\', 'x%'])
        assert.deepEqual(await search(list, text), [], JSON.stringify(text));
      // A name with a NUL, which an older version accepted, is not found either.
      const database = new DatabaseSync(storeFile(h.dataDir));
      database.exec(`update ${list[1].slice(0, -1)} set name_folded = 'a' || char(0) || 'b'`);
      database.close();
      assert.deepEqual(await search(list, '\0'), []);
    });
  }
});
