// Disks that are taken in: their room is reserved while they grow, because nobody knows before how
// large they become.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { baseAdd } from '../../src/app/operator/base.ts';
import { accountRoomBytes } from '../../src/domain/account.ts';
import type { LayerId } from '../../src/domain/ids.ts';
import { intakeMs } from '../../src/domain/intake.ts';
import type { ImportSpec } from '../../src/engine/optional/transfer.ts';
import type { Call } from '../../src/engine/port/call.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import type { BaseSpec } from '../../src/engine/port/layers.ts';
import type { Room, Written } from '../../src/engine/port/room.ts';
import { operatorOn } from '../operator.ts';
import { movableClock } from '../support.ts';
import { accountOf, fill, gb, measure } from './account.ts';
import { settled } from './settled.ts';
import { transfers } from './transfers.ts';

/** The files of two intakes that wait for each other when each has told what it has written. */
function twoAtOnce(written: Written) {
  let [open, asked] = [() => {}, 0];
  const both = new Promise<void>((resolve) => {
    open = resolve;
  });
  const told: string[] = [];
  return {
    told,
    /** Takes the part of the writing itself. */
    async write(room: Room | undefined): Promise<void> {
      asked += 1;
      if (asked === 2) setImmediate(open);
      try {
        await room?.wrote(written, false);
      } catch (error) {
        told.push((error as Error).message);
        throw error;
      }
      await both;
    },
  };
}

describe('disks that are taken in', () => {
  const disk = JSON.stringify({ simulated: ['x'.repeat(2000)], virtualBytes: 1000 });
  const importing = (each: (spec: ImportSpec) => Promise<void>) => ({
    wrapEngine: ({ transfer, ...engine }: Engine): Engine => ({
      ...engine,
      ...(transfer && {
        transfer: {
          ...transfer,
          async importLayer(spec, call) {
            await each(spec);
            return transfer.importLayer(spec, call);
          },
        },
      }),
    }),
  });

  it('reserve room while they grow: of two imports that fit alone the second waits for the first', async (t) => {
    const files = twoAtOnce({ scratchBytes: 4 * gb, layerBytes: 0 });
    const { h, imported, image } = await transfers(
      t,
      importing(({ room }) => files.write(room)),
    );
    await fill(h, 12);
    const before = await accountOf(h);
    const ids = [];
    for (const name of ['One', 'Two']) {
      const { id } = await imported(disk, { name });
      const { body } = await h.call('transferFinish', { params: { id } });
      ids.push(body.attributes.id);
    }
    await h.service.reconciler.settle();
    assert.equal(files.told.length, 1);
    assert.match(
      files.told[0] ?? '',
      /may take 4.3 GB and 2.7 GB are left on the host beside 4.3 GB promised|may take 4.3 GB and 2.7 GB are left on the host/,
    );
    for (const id of ids) assert.equal((await image(id)).status, 'available');
    const { held } = await accountOf(h);
    assert.deepEqual(held.reservedBytes, before.held.reservedBytes);
  });

  it('end with both numbers when there is no room, and hold nothing then', async (t) => {
    const { h, imported, finish, image } = await transfers(
      t,
      importing(async ({ room }) => {
        await room?.wrote({ scratchBytes: 2 * gb, layerBytes: 0 }, false);
        await measure(h);
        const { held } = await accountOf(h);
        assert.ok(held.bytes >= 2 * gb && held.reservedBytes > 0.2 * gb);
        await room?.wrote({ scratchBytes: 9 * gb, layerBytes: 0 }, false);
      }),
    );
    await fill(h, 12);
    const before = await accountOf(h);
    const { id } = await imported(disk);
    const { attributes } = await finish(id);
    const { status, status_reason: reason } = await image(attributes.id);
    assert.equal(status, 'failed');
    assert.match(reason, /may take 9.3 GB and 9 GB are left on the host/);
    const { held } = await accountOf(h);
    assert.deepEqual([held.reservedBytes, before.held.reservedBytes], [0, 0]);
    assert.ok(held.bytes < gb);
  });

  it('are refused at the request: when it is opened with both numbers, and when it is finished on a full disk', async (t) => {
    const { h, part, finish, image } = await transfers(t);
    const bytes = Buffer.byteLength(disk);
    const open = (size_bytes: number) => h.call('imageImport', { body: { size_bytes } });
    await fill(h, 15);
    const refused = (await open(6 * gb)).body;
    assert.equal(refused.client_code, 440);
    assert.match(refused.message, /may take 12 GB and 10 GB are left on the host/);
    // What is left is promised to the two of them, so their parts are taken.
    const { id } = (await open(bytes)).body;
    const room = accountRoomBytes(await accountOf(h));
    const other = (await open(Math.floor(room / 2))).body;
    assert.equal(other.client_code, 200);
    assert.equal((await part(id, 0, disk)).body.client_code, 200);
    await fill(h, 4);
    const full = await finish(id);
    assert.equal(full.client_code, 440);
    assert.match(full.message, /96 % full \(96 of 100 GB\)/);
    assert.equal((await h.call('imageList')).body.count, 0);
    assert.equal((await h.call('transferDelete', { params: { id: other.id } })).status, 200);
    await fill(h, 15);
    const { attributes } = await finish(id);
    assert.equal((await image(attributes.id)).status, 'available');
  });

  it('take no more of the quota than the layer is, and no layer that is larger than the file goes beyond it', async (t) => {
    let layerBytes = 0;
    const { h, imported, finish, image } = await transfers(
      t,
      importing(async ({ room }) => {
        await room?.wrote({ scratchBytes: 5 * gb, layerBytes }, false);
        layerBytes = 3 * gb;
        await room?.wrote({ scratchBytes: 0, layerBytes: 1 * gb }, true);
        const { stored_gb: stored } = (await h.call('usageGet')).body;
        assert.ok(stored.used >= 1 && stored.used < 1.1, `${stored.used} GB`);
      }),
    );
    await fill(h, 50);
    await h.store.write('system', (work) => work.organisations.setQuotas(h.ours, { storedGb: 2 }));
    const first = await finish((await imported(disk)).id);
    assert.equal((await image(first.attributes.id)).status, 'available');
    const second = await finish((await imported(disk)).id);
    const { status, status_reason: reason } = await image(second.attributes.id);
    assert.equal(status, 'failed');
    assert.match(reason, /has 3\.[0-9]+ GB stored, and the most is 2/);
    assert.ok((await h.call('usageGet')).body.stored_gb.used < 0.1);
  });

  it('as bases reserve what the file has and what is made of it, beside what is promised to others', async (t) => {
    const files = twoAtOnce({ scratchBytes: 4 * gb, layerBytes: 0 });
    const { h } = await settled(t);
    await fill(h, 12);
    const held = async () => (await accountOf(h)).held;
    const before = await held();
    const add = async (name: string) => {
      const path = join(h.dataDir, name);
      await writeFile(path, name);
      const intake = {
        ...h.engine,
        async importBase(spec: BaseSpec, call: Call) {
          await spec.room?.expect(2 * gb);
          assert.ok((await held()).reservedBytes >= 2 * gb);
          await files.write(spec.room);
          return h.engine.importBase(spec, call);
        },
      };
      const given = { name, files: { disk: path }, boot: { mode: 'bios' } } as const;
      return baseAdd(operatorOn(h.store), intake, given);
    };
    const [one, two] = await Promise.allSettled([add('One'), add('Two')]);
    assert.deepEqual([one.status, two.status].sort(), ['fulfilled', 'rejected']);
    const { reason } = [one, two].find((end) => end.status === 'rejected') as PromiseRejectedResult;
    assert.equal(reason.code, 'no_capacity');
    assert.match(reason.message, /may take 4.3 GB and [0-9.]+ GB are left on the host/);
    const after = await held();
    assert.deepEqual([after.reservedBytes, before.reservedBytes], [0, 0]);
    assert.equal(after.bytes, before.bytes + 3);
  });

  it('that nobody renews count no more after a minute', async (t) => {
    const moved = movableClock();
    const { h } = await settled(t, { clock: moved.clock });
    await fill(h, 12);
    const layerId = 'x' as LayerId;
    await h.store.write('system', (work) =>
      work.intakes.hold([
        {
          ...{ layerId, part: 'scratch', organisationId: null, bytes: 5, reservedBytes: 7 },
          expiresAt: work.now() + intakeMs,
        },
      ]),
    );
    await h.service.reconciler.task('collect');
    assert.equal((await accountOf(h)).held.reservedBytes, 7);
    moved.advance(intakeMs + 1);
    await h.service.reconciler.task('collect');
    assert.equal((await accountOf(h)).held.reservedBytes, 0);
  });
});
