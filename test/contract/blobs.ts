// The contract of blobs, which runs on each kind of storage for them.

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import type { Blobs } from '../../src/blobs/port.ts';
import type { TransferId } from '../../src/domain/ids.ts';
import type { Scope } from '../support.ts';

const id = 'a1' as TransferId;
const other = 'b2' as TransferId;
const never = new AbortController().signal;

const textOf = async (blobs: Blobs, of: TransferId, range?: { start: number; end: number }) =>
  (await buffer((await blobs.read(of)).open(range))).toString();

export function testBlobs(name: string, make: (t: Scope) => Promise<Blobs>): void {
  describe(name, () => {
    it('keep the parts of an upload in order, and take a repeated part once', async (t) => {
      const blobs = await make(t);
      await blobs.writePart(id, 0, Buffer.from('one '));
      await blobs.writePart(id, 4, Buffer.from('two '));
      await blobs.writePart(id, 4, Buffer.from('two '));
      await blobs.writePart(id, 8, Buffer.from('three'));
      assert.equal((await blobs.read(id)).bytes, 13);
      assert.equal(await textOf(blobs, id), 'one two three');
      assert.equal(await textOf(blobs, id, { start: 4, end: 7 }), 'two');
      assert.equal(await textOf(blobs, id, { start: 4, end: 4 }), '');
    });

    it('begin anew with the first part', async (t) => {
      const blobs = await make(t);
      await blobs.writePart(id, 0, Buffer.from('a long part'));
      await blobs.writePart(id, 0, Buffer.from('short'));
      assert.equal(await textOf(blobs, id), 'short');
    });

    it('fail once they are removed, and a later part does not bring them back', async (t) => {
      const blobs = await make(t);
      await blobs.writePart(id, 0, Buffer.from('x'));
      await blobs.remove(id);
      await blobs.remove(id);
      await assert.rejects(blobs.read(id), { code: 'not_found' });
      await assert.rejects(blobs.writePart(id, 1, Buffer.from('y')), { code: 'not_found' });
      assert.deepEqual(await blobs.list(), []);
    });

    it('hold an export whole or not at all', async (t) => {
      const blobs = await make(t);
      await blobs.sink(id).write(Readable.from(['first']), never);
      const broken = Readable.from(
        (async function* () {
          yield 'half';
          throw new Error('the source failed');
        })(),
      );
      await assert.rejects(blobs.sink(id).write(broken, never), /the source failed/);
      assert.equal(await textOf(blobs, id), 'first');
      const stop = new AbortController();
      stop.abort(new Error('the server stops'));
      await assert.rejects(blobs.sink(other).write(Readable.from(['x']), stop.signal));
      await blobs.sink(id).write(Readable.from(['second']), never);
      assert.equal(await textOf(blobs, id), 'second');
      assert.deepEqual(await blobs.list(), [id]);
    });

    it('are listed once each, and are removed one by one', async (t) => {
      const blobs = await make(t);
      await blobs.writePart(id, 0, Buffer.from('x'));
      await blobs.sink(other).write(Readable.from(['y']), never);
      assert.deepEqual((await blobs.list()).sort(), [id, other]);
      await blobs.remove(other);
      assert.deepEqual(await blobs.list(), [id]);
    });
  });
}
