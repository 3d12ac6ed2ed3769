// Lists that are read by what follows an item, while things in them are deleted.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import type { ImageId } from '../../src/domain/ids.ts';
import { startHarness } from './harness.ts';

const own = { sizeGb: 1, source: 'seat', baseImageId: null, machineId: null } as const;

/** A server with images that nothing works on; `ids` are newest first. */
async function listing(t: TestContext, count: number, onQuery?: (sql: string) => void) {
  const h = await startHarness(t, { reconcile: false, ...(onQuery && { onQuery }) });
  const ids = await h.store.write(h.ours, async (work) => {
    const made: ImageId[] = [];
    for (let number = 1; number <= count; number++) {
      const image = { ...own, organisationId: h.ours, name: `Image ${number}` };
      made.unshift((await work.images.add(image)).id);
    }
    return made;
  });
  const list = async (query: string) => (await h.call('imageList', { query })).body;
  return { h, ids, list };
}

const idsIn = (images: { attributes: { id: number } }[]) =>
  images.map(({ attributes }) => attributes.id);

describe('a list of images', () => {
  it('is emptied page by page with a cursor, of which pages of a number would skip half', async (t) => {
    const { h, ids, list } = await listing(t, 22);
    const seen: number[] = [];
    let answer = await list('?per_page=5');
    for (;;) {
      for (const id of idsIn(answer.images)) {
        seen.push(id);
        assert.equal((await h.call('imageDelete', { params: { id } })).status, 200);
      }
      if (answer.next_before === null) break;
      answer = await list(`?per_page=5&before=${answer.next_before}`);
      assert.equal(answer.page, 1);
    }
    assert.deepEqual(seen, ids);
    assert.equal((await list('')).count, 0);
  });

  it('says how many match in all, and whether more follow, also with a search', async (t) => {
    const { list, ids } = await listing(t, 12);
    const [newest = 0, , third] = ids;
    const facts = async (query: string) => {
      const { images, count, page, next_page, next_before } = await list(query);
      return [idsIn(images), count, page, next_page, next_before];
    };
    assert.deepEqual(await facts('?per_page=2'), [ids.slice(0, 2), 12, 1, 2, ids[1]]);
    const following = [ids.slice(1, 3), 12, 1, 2, third];
    assert.deepEqual(await facts(`?per_page=2&before=${newest}`), following);
    assert.deepEqual(await facts(`?per_page=2&before=${newest}&page=1`), following);
    assert.deepEqual(await facts(`?per_page=2&before=${ids[9]}`), [
      ids.slice(10),
      ...[12, 1, null, null],
    ]);
    assert.deepEqual(await facts(`?per_page=2&before=${ids[11]}`), [[], 12, 1, null, null]);
    // "Image 1" and "Image 10" to "Image 12" match.
    assert.deepEqual(await facts(`?q=image%201&per_page=2&before=${newest}`), [
      ids.slice(1, 3),
      ...[4, 1, 2, third],
    ]);
    assert.deepEqual(await facts(`?per_page=100&before=${Number.MAX_SAFE_INTEGER}`), [
      ids,
      ...[12, 1, null, null],
    ]);
  });

  it('refuses a page beside a cursor, and a cursor that is no id', async (t) => {
    const { h, list, ids } = await listing(t, 1);
    for (const path of ['/images', '/machines'])
      assert.match(
        (
          await h.send({
            method: 'GET',
            path: `/organization-management/v1${path}`,
            query: `?page=2&before=${ids[0]}`,
          })
        ).body.message,
        /page is 2, and before takes its place; give one of them/,
      );
    for (const wrong of ['0', '-1', 'x', '1.5', '', '9007199254740993', '1&before=2'])
      assert.equal((await list(`?before=${wrong}`)).client_code, 400, wrong);
  });

  it('of deleted images has a cursor too, and answers without our fields have no cursor', async (t) => {
    const { h, ids } = await listing(t, 3);
    const send = (query: string, extensions: boolean) =>
      h.send({ method: 'GET', path: '/organization-management/v1/images', query, extensions });
    const { body } = await send(`?before=${ids[0]}`, false);
    assert.deepEqual(idsIn(body.images), ids.slice(1));
    assert.ok(!('next_before' in body));
    assert.equal((await send(`?deleted=true&before=${ids[0]}`, true)).status, 200);
  });
});

describe('what follows an item', () => {
  it('is looked up in the index of the list, without a sort, and reads no row above it', async (t) => {
    const statements: string[] = [];
    const { h, list, ids } = await listing(t, 30, (sql) => statements.push(sql));
    statements.length = 0;
    await list(`?per_page=5&before=${ids[20]}`);
    await h.call('machineList', { query: `?before=${h.machines[1]}` });
    const database = new DatabaseSync(join(h.dataDir, 'silversmith.db'));
    t.after(() => database.close());
    const cut = statements.filter((sql) => / limit /.test(sql) && /id < /.test(sql));
    assert.equal(cut.length, 2);
    for (const sql of cut) {
      const rows = database.prepare(`explain query plan ${sql}`).all();
      const plan = rows.map(({ detail }) => String(detail)).join('; ');
      assert.match(
        plan,
        /SEARCH (image|machine) USING (COVERING )?INDEX \w+_(listed|live) \(organisation_id=\? AND id<\?\)/,
      );
      assert.doesNotMatch(plan, /TEMP B-TREE|SCAN/);
    }
    assert.ok(!statements.some((sql) => /count\(\*\)/.test(sql)), 'the numbers are kept');
  });
});

describe('the audit trail', () => {
  it('is read whole by what follows its last entry, though older entries are pruned meanwhile', async (t) => {
    const { h } = await listing(t, 1);
    const entry = { keyId: h.keys.ours.key, action: 'imageDelete', requestId: 'r' };
    const listed = (before?: number) =>
      h.store.read(h.ours, (work) =>
        work.audit.list({ from: 0, to: Number.MAX_SAFE_INTEGER, limit: 2, before }),
      );
    await h.store.write(h.ours, async (work) => {
      for (let code = 1; code <= 5; code++)
        await work.audit.add({ ...entry, clientCode: code } as never);
    });
    const seen: number[] = [];
    let found = await listed();
    for (;;) {
      seen.push(...found.entries.map(({ clientCode }) => clientCode));
      assert.equal(found.count, 5);
      if (!found.more) break;
      found = await listed(found.entries.at(-1)?.id);
    }
    assert.deepEqual(seen, [5, 4, 3, 2, 1]);
    const theirs = await h.store.read(h.theirs, (work) =>
      work.audit.list({ from: 0, to: Number.MAX_SAFE_INTEGER, limit: 2, before: 3 }),
    );
    assert.deepEqual(theirs.entries, []);
    const answer = await h.call('userActionLogList', { query: '?before=999999' });
    assert.deepEqual([answer.body.logs, answer.body.next_before], [[], null]);
  });
});
