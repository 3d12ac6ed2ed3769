// A damaged base is healed from the file that it came from, on real disks and without a guest.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { baseAdd } from '../../src/app/operator/base.ts';
import { baseHeal } from '../../src/app/operator/base-heal.ts';
import { layerVerify } from '../../src/app/operator/layer.ts';
import { shownLayer } from '../../src/domain/layer.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { call } from '../call.ts';
import { diskId } from '../contract/engine/world.ts';
import { putMigratedStore } from '../migrated.ts';
import { operatorOn } from '../operator.ts';
import { defer, temporaryFolder } from '../support.ts';
import { flipFourBytes } from './damage.ts';

const mib = 1024 ** 2;
const { signal } = new AbortController();

/** A base of a qcow2 file, an image on it, and a disk of a machine that has written to it. */
async function standing(t: TestContext) {
  const folder = await temporaryFolder(t);
  await putMigratedStore(folder);
  const store = await openSqlite({ dataDir: folder, now: Date.now });
  defer(t, () => store.close());
  const root = join(folder, 'engine');
  const engine = await openQemu({ root });
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { stdio: 'pipe', encoding: 'utf8' });
  const raw = join(folder, 'base.raw');
  const content = Buffer.alloc(8 * mib, 7);
  content.writeUInt16BE(0x55aa, 510);
  await writeFile(raw, content);
  const file = join(folder, 'base.qcow2');
  run('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', '-c', raw, file);
  const operator = operatorOn(store);
  const boot = { mode: 'bios' as const };
  const base = await baseAdd(operator, engine, { name: 'Base', files: { disk: file }, boot });
  const own = await store.write('system', (work) => work.organisations.ensure('one'));
  const image = await store.write(own, async (work) => {
    const made = { sizeGb: 1, source: 'seat', baseImageId: base.id, machineId: null } as const;
    const { id } = await work.images.add({ ...made, organisationId: own, name: 'on it' });
    await work.images.become(id, 'building');
    await work.images.become(id, 'available', { layerId: base.layerId });
    return id;
  });
  const disk = diskId();
  await engine.ensureDisk({ diskId: disk, layerId: base.layerId, sizeBytes: 16 * mib }, call);
  const diskPath = join(root, 'disks', `${disk}.qcow2`);
  run('qemu-io', '-f', 'qcow2', '-c', 'write -P 9 1M 1M', diskPath);
  const look = (name: string) => {
    run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', diskPath, join(folder, name));
    return run('sha256sum', join(folder, name)).slice(0, 64);
  };
  const layer = join(root, 'layers', `${base.layerId}.qcow2`);
  const verify = () => layerVerify(operator, engine, [base.layerId], signal);
  const state = () =>
    store.read('system', async (work) => [
      (await work.images.get(image)).status,
      shownLayer(await work.layers.get(base.layerId)).state,
    ]);
  const heal = (from = file) => baseHeal(operator, engine, base.id, { file: from }, signal);
  await verify();
  return {
    ...{ folder, raw, file, base, layer, look, verify, state, heal, engine, store },
    operator,
  };
}

describe('base heal', () => {
  it('gives a damaged base its bytes back, and the image and the disk on it work as before', async (t) => {
    const { layer, look, verify, state, heal, base, store } = await standing(t);
    const before = look('before.raw');
    await flipFourBytes(layer);
    assert.equal((await verify())[0]?.result, 'DAMAGED');
    assert.deepEqual(await state(), ['failed', 'quarantined']);
    assert.deepEqual(await heal(), { id: base.id, name: 'Base', images: 1 });
    assert.deepEqual(await state(), ['available', 'sealed']);
    assert.equal((await verify())[0]?.result, 'digest taken');
    assert.equal((await verify())[0]?.result, 'same');
    assert.equal(look('after.raw'), before);
    const { key, lostKey } = await store.read('system', (work) => work.layers.get(base.layerId));
    assert.deepEqual([key?.startsWith('sha256:'), lostKey], [true, null]);
    const trail = await store.read('system', (work) => work.operatorAudit.list(10));
    assert.ok(trail.some(({ action, outcome }) => action === 'baseHeal' && outcome === 'done'));
  });

  it('finds damage that nobody has seen yet, and a file that is gone', async (t) => {
    const { layer, look, state, heal } = await standing(t);
    const before = look('before.raw');
    await flipFourBytes(layer);
    assert.equal((await heal()).images, 1);
    await rm(layer);
    assert.equal((await heal()).images, 1);
    assert.deepEqual(await state(), ['available', 'sealed']);
    assert.equal(look('after.raw'), before);
  });

  it('takes no other file, also not the same disk in another form, and changes nothing then', async (t) => {
    const { folder, raw, file, layer, verify, state, heal } = await standing(t);
    await assert.rejects(heal(), /Nothing is wrong/);
    await flipFourBytes(layer);
    await verify();
    for (const [from, why] of [
      [raw, /did not come from .*base came from one with sha256:/],
      [join(folder, 'absent'), /is not a file/],
    ] as const)
      await assert.rejects(heal(from), why);
    assert.deepEqual(await state(), ['failed', 'quarantined']);
    const moved = join(folder, 'moved.qcow2');
    await rename(file, moved);
    assert.equal((await heal(moved)).images, 1);
  });
});
