// The state of a firmware as files beside disks and layers, without a guest that boots.

import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { BootProfile } from '../../src/domain/boot.ts';
import { parseManifest } from '../../src/domain/transfer.ts';
import { boardsIn } from '../../src/engine/qemu/boards.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { hardwareFault, newVariables, variablesBytes } from '../../src/engine/qemu/firmware.ts';
import { captureState, ensureState } from '../../src/engine/qemu/firmware-state.ts';
import { fileContent, fileSink } from '../../src/lib/content.ts';
import { manifestBoot, stateIn } from '../../src/reconcile/firmware-state.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId } from '../contract/engine/world.ts';
import { temporaryFolder } from '../support.ts';

const mib = 1024 ** 2;
const state = 'tpm2-00.permall';
const uefi: BootProfile = { mode: 'uefi', tpm: true };
const user = { ids: null, confinement: 'none', path: process.env.PATH ?? '', root: '/' } as const;
const placesIn = (folder: string) => ({
  variables: join(folder, 'x.vars'),
  tpm: join(folder, 'x.tpm'),
});

/** Two folders with places for a state: those of a disk, and those of a layer that has one. */
async function places(t: TestContext) {
  const folder = await temporaryFolder(t);
  const [disk, layer] = [join(folder, 'disk'), join(folder, 'layer')];
  for (const path of [disk, layer]) await mkdir(path);
  const copied = Buffer.alloc(variablesBytes, 'of the layer');
  await writeFile(placesIn(layer).variables, copied);
  await writeFile(placesIn(layer).tpm, 'keys of the layer');
  return { folder, disk: placesIn(disk), layer: placesIn(layer), copied };
}

describe('the state of a firmware', () => {
  it('begins as its profile says: as a copy of the layer, or new', async (t) => {
    const { disk, layer, copied } = await places(t);
    const template = await readFile(newVariables(uefi));
    const cases = [
      [{ ...uefi }, copied, false],
      [{ ...uefi, stateCopy: 'none' }, template, false],
      [{ ...uefi, stateCopy: 'all' }, copied, true],
    ] as const;
    for (const [boot, variables, hasKeys] of cases) {
      await ensureState(disk, { boot, layer, user, fresh: true });
      assert.deepEqual(await readFile(disk.variables), variables);
      assert.deepEqual(await readdir(disk.tpm), hasKeys ? [state] : []);
      for (const path of [disk.variables, disk.tpm]) await rm(path, { recursive: true });
    }
    await ensureState(disk, { boot: { mode: 'bios' }, layer, user, fresh: true });
    await assert.rejects(stat(disk.variables), { code: 'ENOENT' });
  });

  it('stays when it is there, and a TPM that is lost is not replaced by another', async (t) => {
    const { disk, layer, copied } = await places(t);
    await ensureState(disk, { boot: uefi, layer, user, fresh: true });
    await writeFile(join(disk.tpm, state), 'its own keys');
    const own = Buffer.alloc(variablesBytes, 'its own');
    await writeFile(disk.variables, own);
    await ensureState(disk, { boot: uefi, layer, user, fresh: true });
    assert.deepEqual(await readFile(disk.variables), own);
    assert.equal(await readFile(join(disk.tpm, state), 'utf8'), 'its own keys');
    for (const path of [disk.variables, disk.tpm]) await rm(path, { recursive: true });
    await assert.rejects(
      ensureState(disk, { boot: uefi, layer, user, fresh: false }),
      /state of its TPM is missing .* silversmith machine reset/,
    );
    // Variables are made anew: no key depends on them.
    assert.deepEqual(await readFile(disk.variables), copied);
  });

  it('is captured as far as the profile copies it, and never from a link or a huge file', async (t) => {
    const { folder, disk, layer } = await places(t);
    const boot = { ...uefi, stateCopy: 'all' } as const;
    await ensureState(disk, { boot, layer, user, fresh: true });
    const to = placesIn(folder);
    await captureState({ ...boot, stateCopy: 'variables' }, disk, to);
    await assert.rejects(stat(to.tpm), { code: 'ENOENT' });
    await captureState(boot, disk, to);
    assert.equal(await readFile(to.tpm, 'utf8'), 'keys of the layer');
    const file = join(disk.tpm, state);
    await rm(file);
    await symlink('/etc/passwd', file);
    await assert.rejects(captureState(boot, disk, to), /cannot be read/);
    await rm(file);
    await writeFile(file, Buffer.alloc(2 * mib));
    await assert.rejects(captureState(boot, disk, to), /not what a firmware writes/);
    assert.equal(await readFile(to.tpm, 'utf8'), 'keys of the layer');
  });
});

/** Opens an engine with a layer that has a state, on a base. */
async function withLayer(t: TestContext) {
  const folder = await temporaryFolder(t);
  const root = join(folder, 'engine');
  const engine = await openQemu({ root });
  const raw = Buffer.alloc(2 * mib, 7);
  raw.writeUInt16BE(0x55aa, 510);
  await writeFile(join(folder, 'base.raw'), raw);
  const [base, layer, disk] = [layerId(), layerId(), diskId()];
  const files = await contents({ disk: join(folder, 'base.raw') });
  await engine.importBase({ layerId: base, ...files }, call);
  const sizeBytes = 4 * mib;
  await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
  const own = placesIn(join(root, 'disks'));
  const at = {
    variables: own.variables.replace('x.', `${disk}.`),
    tpm: join(root, 'disks', `${disk}.tpm`),
  };
  const none = placesIn(folder);
  const boot = { ...uefi, stateCopy: 'all' } as const;
  await ensureState(at, { boot, layer: none, user, fresh: true });
  await writeFile(join(at.tpm, state), 'keys');
  await engine.sealDisk({ diskId: disk, layerId: layer, sizeBytes, boot }, call);
  return { folder, root, engine, base, layer, disk, boot, sizeBytes, at };
}

describe('a layer with the state of a firmware', () => {
  it('goes out with it in the manifest, and comes in again', async (t) => {
    const { folder, root, engine, base, layer, boot } = await withLayer(t);
    const [file, chain] = [join(folder, 'out.qcow2'), [layer, base]];
    const spec = { layerId: layer, format: 'qcow2', to: fileSink(file), chain } as const;
    const on = { boot, baseLayerId: base, bytesMax: 1024 * mib };
    const made = await engine.transfer.exportLayer({ ...spec, ...on }, call);
    const manifest = { version: 1, name: 'x', sha256: '0'.repeat(64), virtualBytes: 1, base: null };
    const head = { layerId: layer, key: null };
    const told = manifestBoot(boot, made.tail, made.firmwareState);
    const text = JSON.stringify({ ...manifest, head, software: [], boot: told });
    assert.ok(text.length < 50_000, 'it fits into the limit of manifests');
    const read = parseManifest(text).boot;
    assert.ok(read);
    assert.deepEqual([read.firmware, read.tpm, read.stateCopy], ['uefi', true, 'all']);
    const came = layerId();
    const given = { layerId: came, disk: await fileContent(file), parentId: null };
    await engine.transfer.importLayer(
      { ...given, bytesMax: 1024 * mib, firmwareState: stateIn(read) },
      call,
    );
    for (const ending of ['vars', 'tpm'])
      assert.deepEqual(
        await readFile(join(root, 'layers', `${came}.${ending}`)),
        await readFile(join(root, 'layers', `${layer}.${ending}`)),
      );
    await assert.rejects(
      engine.transfer.importLayer(
        {
          ...{ ...given, layerId: layerId(), bytesMax: 1024 * mib },
          firmwareState: { variables: Buffer.alloc(9), tpm: null },
        },
        call,
      ),
      /variables of UEFI have 9 bytes/,
    );
    await engine.removeLayer(came, call);
    assert.deepEqual(
      (await readdir(join(root, 'layers'))).filter((name) => name.startsWith(came)),
      [],
    );
  });

  it('has a digest that tells of a change to it, and is in a backup with its disk', async (t) => {
    const { folder, root, engine, base, layer, disk, sizeBytes } = await withLayer(t);
    const digest = () => engine.verify.digest({ layerId: layer, bytesPerSecond: 0 }, call);
    const before = await digest();
    const to = join(folder, 'backup');
    await mkdir(to);
    const named = { diskId: disk, layerId: layer, machineId: 1 as never, sizeBytes };
    await engine.backup.copy(
      { folder: to, layers: [base, layer], disks: [named], files: [] },
      call,
    );
    const copied = await openQemu({ root: to });
    assert.equal(await copied.verify.digest({ layerId: layer, bytesPerSecond: 0 }, call), before);
    assert.equal(await readFile(join(to, 'disks', `${disk}.tpm`, state), 'utf8'), 'keys');
    assert.equal((await readFile(join(to, 'disks', `${disk}.vars`))).length, variablesBytes);
    const path = join(root, 'layers', `${layer}.vars`);
    await chmod(path, 0o644);
    await writeFile(path, 'rotten', { flag: 'r+' });
    assert.notEqual(await digest(), before);
  });

  it('leaves nothing that is not found when its disk was lost', async (t) => {
    const { root, engine, disk } = await withLayer(t);
    await rm(join(root, 'disks', `${disk}.qcow2`));
    assert.deepEqual((await engine.inventory(call)).remains?.disks, new Set([disk]));
    await engine.removeDisk(disk, call);
    assert.deepEqual(await readdir(join(root, 'disks')), []);
  });
});

describe('the hardware of a profile', () => {
  const boards = boardsIn(
    'q35   Standard PC (alias of pc-q35-10.0)\npc-q35-10.0   Standard PC\npc-q35-9.2   Standard PC\n',
  );
  it('has the newest board of QEMU, and one of every older version that QEMU names', () => {
    assert.deepEqual(boards, { newest: 'pc-q35-10.0', all: ['pc-q35-10.0', 'pc-q35-9.2'] });
    assert.equal(boardsIn('pc   Standard PC\n'), undefined);
  });

  it('is refused, with what to do, where the host lacks it', async () => {
    assert.ok(boards);
    const host = { boards, user };
    const bare = { boards, user: { ...user, path: '/nowhere' } };
    assert.equal(await hardwareFault({ mode: 'uefi', board: 'pc-q35-9.2' }, host), null);
    assert.match(
      (await hardwareFault({ mode: 'bios', board: 'pc-q35-2.4' }, host)) ?? '',
      /board pc-q35-2.4, .* newest one, pc-q35-10.0, with silversmith base board BASE/,
    );
    assert.match((await hardwareFault(uefi, bare)) ?? '', /swtpm.*apt-get install swtpm/);
  });
});
