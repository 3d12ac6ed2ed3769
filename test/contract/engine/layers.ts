// The contract of layers: importing bases, exporting and importing images, taking digests, and
// shortening chains.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { requirePart } from '../../../src/engine/optional/parts.ts';
import { partsOf } from '../../../src/engine/optional/transfer.ts';
import { withoutJob } from '../../../src/engine/port/call.ts';
import type { Content, Sink } from '../../../src/lib/content.ts';
import { fileContent, fileSink } from '../../../src/lib/content.ts';
import { call } from '../../call.ts';
import { contents } from '../../content.ts';
import type { World } from './world.ts';
import { diskId, layerId } from './world.ts';

const lacks = (part: string) => `NOT_SUPPORTED: the engine has no part ${part}`;

/** The same bytes as a stream only, without the path of a file on this host. */
const streamed = ({ bytes, open }: Content): Content => ({ bytes, open });

export function testLayers(world: World): void {
  it('returns the digest of an imported base, equal for equal content', async () => {
    const { engine, folder, under } = world;
    const { boot: _, ...files } = await under.base(folder);
    const id = layerId();
    const first = await engine.importBase({ layerId: id, ...(await contents(files)) }, call);
    assert.match(first.digest, /^sha256:[0-9a-f]{64}$/);
    assert.deepEqual(
      await engine.importBase({ layerId: id, ...(await contents(files)) }, call),
      first,
    );
    await engine.removeLayer(id, call);
    assert.ok(!(await engine.inventory(call)).layers.has(id));
  });

  it('imports a base from a stream or a file, and refuses a stream of another length', async () => {
    const { engine, folder, under } = world;
    const { boot: _, ...files } = await under.base(folder);
    const { disk } = await contents(files);
    const [here, elsewhere, cut] = [layerId(), layerId(), layerId()];
    const expected = await engine.importBase({ layerId: here, disk }, call);
    const found = await engine.importBase({ layerId: elsewhere, disk: streamed(disk) }, call);
    assert.deepEqual(found, expected);
    const lying = { ...streamed(disk), bytes: disk.bytes + 512 };
    await assert.rejects(
      engine.importBase({ layerId: cut, disk: lying }, call),
      /not as long as it says/,
    );
    assert.ok(!(await engine.inventory(call)).layers.has(cut));
    for (const id of [here, elsewhere]) await engine.removeLayer(id, call);
  });

  it('exports an image to a stream and imports it from a stream', async (t) => {
    const { base, boot, engine, folder, sizeBytes } = world;
    if (!engine.transfer) return t.skip(lacks('transfer'));
    const transfer = requirePart(engine, 'transfer');
    const [file, again] = [join(folder, 'given-out'), layerId()];
    const written = fileSink(file);
    const to: Sink = { write: (source, signal) => written.write(source, signal) };
    const chain = { layerId: base, boot, baseLayerId: base, chain: [base] };
    const bytesMax = sizeBytes;
    const { bytes, tail } = await transfer.exportLayer(
      { ...chain, format: 'qcow2', to, bytesMax },
      call,
    );
    const content = await fileContent(file);
    assert.equal(content.bytes, bytes);
    const parts = partsOf(streamed(content), tail);
    const spec = { layerId: again, parentId: null, bytesMax, ...parts };
    const first = await transfer.importLayer(spec, call);
    assert.ok(first.storedBytes > 0);
    assert.deepEqual(await transfer.importLayer(spec, call), first);
    await engine.removeLayer(again, call);
  });

  it('says the same room and bytes in the check and in the inventory', async () => {
    const { base, engine } = world;
    const { totalBytes, freeBytes } = await engine.check(call);
    const { capacity, layers } = await engine.inventory(call);
    assert.equal(capacity.totalBytes, totalBytes);
    assert.ok(totalBytes >= freeBytes && freeBytes > 0);
    assert.ok((layers.get(base) ?? 0) > 0);
  });

  it('returns a stable digest of a layer, fails for a layer that does not exist, and can be aborted', async (t) => {
    const { base, engine } = world;
    if (!engine.verify) return t.skip(lacks('verify'));
    const digest = await requirePart(engine, 'verify').digest(
      { layerId: base, bytesPerSecond: 0 },
      call,
    );
    assert.match(digest, /^sha256:[0-9a-f]{64}$/);
    assert.equal(
      await requirePart(engine, 'verify').digest({ layerId: base, bytesPerSecond: 0 }, call),
      digest,
    );
    await assert.rejects(
      requirePart(engine, 'verify').digest({ layerId: layerId(), bytesPerSecond: 0 }, call),
      { retry: 'never' },
    );
    await assert.rejects(
      requirePart(engine, 'verify').digest(
        { layerId: base, bytesPerSecond: 1000 },
        withoutJob(AbortSignal.timeout(50)),
      ),
      {
        name: /Timeout|Abort/,
      },
    );
  });

  it('rewrites a layer on a lower one; repeating the call changes nothing', async (t) => {
    const { base, engine, sizeBytes } = world;
    if (!engine.compact) return t.skip(lacks('compact'));
    const [disk, low, high] = [diskId(), layerId(), layerId()];
    await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
    await engine.sealDisk({ diskId: disk, layerId: low, sizeBytes }, call);
    await engine.sealDisk({ diskId: disk, layerId: high, sizeBytes }, call);
    const first = await requirePart(engine, 'compact').rewrite(
      {
        layerId: high,
        parentId: base,
        chain: [high, low, base],
      },
      call,
    );
    assert.ok(first.storedBytes > 0);
    await requirePart(engine, 'compact').rewrite(
      { layerId: high, parentId: base, chain: [high, low, base] },
      call,
    );
    await engine.removeLayer(low, call);
    assert.deepEqual(
      (
        await requirePart(engine, 'verify').digest({ layerId: high, bytesPerSecond: 0 }, call)
      ).slice(0, 7),
      'sha256:',
    );
    await assert.rejects(
      requirePart(engine, 'compact').rewrite(
        { layerId: high, parentId: low, chain: [high, base] },
        call,
      ),
      {
        retry: 'never',
      },
    );
    await engine.removeDisk(disk, call);
    await engine.removeLayer(high, call);
  });
}
