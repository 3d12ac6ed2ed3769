// Guests that boot by UEFI, and guests that have a TPM. The state of their firmware belongs to
// their disk.

import assert from 'node:assert/strict';
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { BootProfile } from '../../src/domain/boot.ts';
import type { DiskId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { findProcesses, processesIn } from '../../src/engine/qemu/process.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId, machineOn } from '../contract/engine/world.ts';
import { defer, temporaryFolder, waitFor } from '../support.ts';
import { guests, quickBase, quickUefiDisk } from './quick-base.ts';

const upMs = 400_000;
const id = 3 as MachineId;

async function openEngine(t: TestContext) {
  const folder = await temporaryFolder(t);
  const root = join(folder, 'engine');
  const engine = await openQemu({ root });
  const stop = () => engine.stopMachine({ machineId: id, graceMs: 0 }, call);
  defer(t, stop);
  const add = async (base: LayerId, files: { disk: string }, boot: BootProfile) => {
    await engine.importBase({ layerId: base, ...(await contents(files)) }, call);
    return engine.bootCheck.settle({ layerId: base, boot }, call);
  };
  /** Starts the machine on a disk, and resolves to what matches on its console. */
  const said = async (
    on: { diskId: DiskId; boot: BootProfile; baseLayerId: LayerId; chain: LayerId[] },
    pattern: RegExp,
    fresh = true,
  ): Promise<string> => {
    await engine.startMachine(
      machineOn({ machineId: id, name: 'One', memoryMb: 512, ...on, fresh }),
      call,
    );
    const read = async () => pattern.exec(await engine.console.read(id, call))?.[0];
    const text = await waitFor(`the console says ${pattern}`, read, upMs, 200);
    await stop();
    return text;
  };
  const ensure = (disk: DiskId, layer: LayerId) =>
    engine.ensureDisk({ diskId: disk, layerId: layer, sizeBytes: gbBytes }, call);
  return { folder, root, engine, add, said, ensure, stop };
}

describe('a disk that boots by UEFI alone', () => {
  it('boots, and its disk has variables of its own, of which a capture gets a copy', async (t) => {
    const { folder, root, engine, said, ensure } = await openEngine(t);
    const tells = `[ -d /sys/firmware/efi ] && echo started by UEFI >/dev/ttyS0\n${guests.ready}`;
    const disk = await quickUefiDisk(folder, tells);
    const [base, layer, one] = [layerId(), layerId(), diskId()];
    await engine.importBase({ layerId: base, ...(await contents({ disk })) }, call);
    const boot = await engine.bootCheck.settle({ layerId: base, boot: { mode: 'found' } }, call);
    assert.equal(boot.mode, 'uefi');
    assert.match(boot.board ?? '', /^pc-q35-[0-9.]+$/);
    assert.equal(await engine.bootCheck.fault({ boot, baseLayerId: base }, call), null);
    await ensure(one, base);
    const on = { diskId: one, boot, baseLayerId: base, chain: [base] };
    assert.equal(await said(on, /started by UEFI/), 'started by UEFI');
    await engine.sealDisk({ diskId: one, layerId: layer, sizeBytes: gbBytes, boot }, call);
    const own = await readFile(join(root, 'disks', `${one}.vars`));
    assert.deepEqual(await readFile(join(root, 'layers', `${layer}.vars`)), own);
    await engine.unsealDisk({ diskId: one, layerId: layer }, call);
    assert.deepEqual((await engine.inventory(call)).remains?.layers, new Set());
    await engine.removeDisk(one, call);
    assert.deepEqual((await engine.inventory(call)).remains?.disks, new Set());
  });
});

/**
 * TPM2_CreatePrimary: asks for the elliptic key that follows from the owner's seed, which no two
 * TPMs share.
 */
const createPrimary = [
  // Size and code of the command, the owner's hierarchy, and an empty password.
  ...['80020000004300000131', '40000001', '00000009400000090000000000'],
  // No secret; an ECC key to store others under; no more data.
  ...[
    '000400000000',
    '001a0023000b00030472000000060080004300100003001000000000',
    '0000',
    '00000000',
  ],
].join('');

describe('a TPM', () => {
  it('keeps its keys over a stop and a start, is another one in a clone, and is missed when it ends', async (t) => {
    const { folder, root, add, said, ensure, engine, stop } = await openEngine(t);
    const own = processesIn(await realpath(root));
    const bytes = createPrimary.replaceAll(/../g, '\\x$&');
    const asks = `exec 3<>/dev/tpm0
$B printf '${bytes}' >&3
echo "key $($B dd bs=4096 count=1 <&3 2>/dev/null | $B hexdump -ve '1/1 "%02x"')." >/dev/ttyS0
${guests.ready}`;
    const { boot: direct, ...files } = await quickBase(folder, asks);
    const [base, layer, one, two] = [layerId(), layerId(), diskId(), diskId()];
    const boot = await add(base, files, { ...direct, tpm: true });
    const key = /key 8002[0-9a-f]{8}00000000[0-9a-f]+\./;
    await ensure(one, base);
    const first = { diskId: one, boot, baseLayerId: base, chain: [base] };
    const before = await said(first, key);
    assert.equal(await said(first, key, false), before);
    await engine.sealDisk({ diskId: one, layerId: layer, sizeBytes: gbBytes, boot }, call);
    await ensure(two, layer);
    const clone = { ...first, diskId: two, chain: [layer, base] };
    assert.notEqual(await said(clone, key), before);
    await engine.startMachine(machineOn({ machineId: id, ...clone, fresh: false }), call);
    const [tpm] = await findProcesses(own, 'machine', id, 'tpm');
    assert.ok(tpm);
    assert.deepEqual(await engine.tpm.lost(call), new Set());
    process.kill(tpm.pid, 'SIGKILL');
    await waitFor('its end is noticed', async () => (await engine.tpm.lost(call)).has(id));
    await stop();
    assert.deepEqual(await engine.tpm.lost(call), new Set());
    assert.deepEqual(await findProcesses(own, 'machine', id, 'tpm'), []);
  });
});
