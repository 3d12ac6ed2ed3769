// What every engine must do, run against each: the guarantees that the port states.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { BootProfile } from '../../src/domain/boot.ts';
import { AppError } from '../../src/domain/error.ts';
import type { DiskId, JobId, LayerId, MachineId } from '../../src/domain/ids.ts';
import type { Recipe } from '../../src/domain/software.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { requirePart } from '../../src/engine/optional/parts.ts';
import { partsOf } from '../../src/engine/optional/transfer.ts';
import { type Call, withoutJob } from '../../src/engine/port/call.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import type { MachineSpec } from '../../src/engine/port/machines.ts';
import { type Content, fileContent, fileSink, type Sink } from '../../src/lib/content.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';

export interface EngineUnderTest {
  open(folder: string): Promise<Engine>;
  /** A bootable base and how it boots. */
  base(
    folder: string,
  ): Promise<{ disk: string; kernel?: string; initrd?: string; boot: BootProfile }>;
  /** How long a machine may take to be ready. */
  readyMs: number;
}

const newId = () => randomBytes(12).toString('hex');
/** A small machine on a fresh disk that stands on its base alone, unless told otherwise. */
export const machineOn = (
  given: Pick<MachineSpec, 'machineId' | 'diskId' | 'boot' | 'baseLayerId'> & Partial<MachineSpec>,
): MachineSpec => ({
  name: 'M',
  cpus: 1,
  memoryMb: 256,
  fresh: true,
  chain: [given.baseLayerId],
  ...given,
});

export const layerId = () => newId() as LayerId;
export const diskId = () => newId() as DiskId;
export const recipeOf = (script: string, more: Partial<Recipe> = {}): Recipe => ({
  script,
  files: [],
  network: false,
  timeoutMs: 120_000,
  ...more,
});

/** The same bytes, as an engine elsewhere has them: without a file of this host. */
const streamed = ({ bytes, open }: Content): Content => ({ bytes, open });

/** The context of an attempt at a job. */
const claimedAs = (jobId: number, attempt: number): Call => ({
  ...call,
  token: { jobId: jobId as JobId, attempt },
});

export function testEngine(name: string, under: EngineUnderTest): void {
  describe(`the ${name} engine`, () => {
    const suite: Scope = { after };
    // Registered while the suite is described; what is deferred later joins it.
    defer(suite, () => {});
    let folder: string;
    let engine: Engine;
    let boot: BootProfile;
    const base = layerId();
    const sizeBytes = 4 * gbBytes;

    before(async () => {
      folder = await temporaryFolder(suite);
      defer(suite, async () => {
        for (const id of (await engine?.runningMachines(call)) ?? [])
          await engine.stopMachine({ machineId: id, graceMs: 0 }, call);
        await engine?.close();
      });
      engine = await under.open(folder);
      const { boot: how, ...files } = await under.base(folder);
      boot = how;
      await engine.importBase({ layerId: base, ...(await contents(files)) }, call);
    });

    it('gives the digest of an imported base, and the same for the same content', async () => {
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

    it('takes a base from a stream as it takes it from a file, and none whose stream has another length', async () => {
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

    it('gives an image out to a stream and takes it in from one, with the same content', async () => {
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

    it('makes a disk once and removes it as often as asked', async () => {
      const id = diskId();
      await engine.ensureDisk({ diskId: id, layerId: base, sizeBytes }, call);
      await engine.ensureDisk({ diskId: id, layerId: base, sizeBytes }, call);
      assert.ok((await engine.inventory(call)).disks.has(id));
      await engine.removeDisk(id, call);
      await engine.removeDisk(id, call);
      assert.ok(!(await engine.inventory(call)).disks.has(id));
    });

    it('refuses a disk on a layer that is not there', async () => {
      await assert.rejects(
        engine.ensureDisk({ diskId: diskId(), layerId: layerId(), sizeBytes }, call),
        AppError,
      );
    });

    it('seals a disk as a layer, twice with one effect, and undoes it', async () => {
      const disk = diskId();
      const layer = layerId();
      await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
      const sealed = await engine.sealDisk({ diskId: disk, layerId: layer, sizeBytes }, call);
      assert.ok(sealed.storedBytes > 0);
      await engine.sealDisk({ diskId: disk, layerId: layer, sizeBytes }, call);
      const { layers, disks } = await engine.inventory(call);
      assert.ok(layers.has(layer) && disks.has(disk));
      await engine.unsealDisk({ diskId: disk, layerId: layer }, call);
      await engine.unsealDisk({ diskId: disk, layerId: layer }, call);
      const undone = await engine.inventory(call);
      assert.ok(!undone.layers.has(layer) && undone.disks.has(disk));
      await engine.removeDisk(disk, call);
    });

    it('gives the same digest for the same layer, another for another, and says when there is none', async () => {
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
      const { totalBytes, freeBytes } = await engine.check(call);
      assert.equal((await engine.inventory(call)).capacity.totalBytes, totalBytes);
      assert.ok(totalBytes >= freeBytes && freeBytes > 0);
      assert.ok(((await engine.inventory(call)).layers.get(base) ?? 0) > 0);
    });

    it('writes a layer anew on one further down, twice with one effect, and what stands on it has the same content', async () => {
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

    it('refuses a token that is older than the last it saw for a disk, a layer or a job, and changes nothing then', async () => {
      const [disk, layer, other] = [diskId(), layerId(), diskId()];
      await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, claimedAs(21, 2));
      const late = { code: 'unavailable', retry: 'later', detail: /after a newer one/ };
      await assert.rejects(engine.removeDisk(disk, claimedAs(21, 1)), late);
      await assert.rejects(engine.removeDisk(disk, claimedAs(20, 9)), late);
      const seal = { diskId: disk, layerId: layer, sizeBytes };
      await assert.rejects(engine.sealDisk(seal, claimedAs(21, 1)), late);
      await assert.rejects(engine.inventory(claimedAs(21, 1)), late);
      // A job that has seen nothing of this disk yet is not late elsewhere.
      await engine.ensureDisk({ diskId: other, layerId: base, sizeBytes }, claimedAs(20, 9));
      const { layers, disks } = await engine.inventory(call);
      assert.ok(disks.has(disk) && disks.has(other) && !layers.has(layer));
      await engine.sealDisk(seal, claimedAs(22, 1));
      await assert.rejects(engine.unsealDisk(seal, claimedAs(21, 2)), late);
      assert.ok((await engine.inventory(call)).layers.has(layer));
      await engine.unsealDisk(seal, claimedAs(22, 1));
      // Nothing refuses a call that no job makes.
      for (const id of [disk, other]) await engine.removeDisk(id, call);
    });

    it('ends a call that is under way when a newer attempt of its job calls', async () => {
      const slow = { layerId: base, bytesPerSecond: 1000 };
      const reading = requirePart(engine, 'verify').digest(slow, claimedAs(30, 1));
      const ended = assert.rejects(reading, { code: 'unavailable', retry: 'later' });
      await engine.inventory(claimedAs(30, 2));
      await ended;
    });

    it('does nothing for a signal that is aborted already, and rejects with its reason', async () => {
      const reason = new Error('called off');
      const off = withoutJob(AbortSignal.abort(reason));
      const disk = diskId();
      const spec = { diskId: disk, layerId: base, sizeBytes };
      for (const calling of [
        () => engine.ensureDisk(spec, off),
        () => engine.sealDisk({ ...spec, layerId: layerId() }, off),
        () => engine.stopMachine({ machineId: 1 as MachineId, graceMs: 0 }, off),
        () => engine.removeLayer(base, off),
        () => engine.check(off),
      ])
        await assert.rejects(calling, reason);
      const { layers, disks } = await engine.inventory(call);
      assert.ok(layers.has(base) && !disks.has(disk));
    });

    it('refuses a recipe file whose content has another digest', async () => {
      const path = join(folder, 'payload');
      await writeFile(path, 'content');
      const given = { sha256: '0'.repeat(64), content: await fileContent(path) };
      await assert.rejects(engine.importFile(given, call), /digest/);
    });

    it('builds a layer once, and a failing recipe leaves no layer', async () => {
      const layer = layerId();
      const spec = {
        layerId: layer,
        parentId: base,
        baseLayerId: base,
        chain: [base],
        boot,
        sizeBytes,
        recipe: recipeOf('echo installed\n'),
        label: 'a title',
      };
      const built = await engine.buildLayer(spec, call);
      assert.equal(built.exitCode, 0);
      assert.equal((await engine.buildLayer(spec, call)).exitCode, 0);
      assert.ok((await engine.inventory(call)).layers.has(layer));

      const failing = layerId();
      const failed = await engine.buildLayer(
        {
          ...spec,
          layerId: failing,
          label: 'sim-exit-7',
          recipe: recipeOf('echo before it ends; exit 7'),
        },
        call,
      );
      assert.equal(failed.exitCode, 7);
      assert.ok(!(await engine.inventory(call)).layers.has(failing));
      await engine.removeLayer(layer, call);
    });

    it('starts a machine once, says when it is ready, finds it again after a restart, and stops it as often as asked', async () => {
      const disk = diskId();
      const machineId = 7 as MachineId;
      const spec = machineOn({
        machineId,
        diskId: disk,
        name: 'Machine 7',
        memoryMb: 512,
        boot,
        baseLayerId: base,
      });
      await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
      assert.equal(await engine.machineState(machineId, call), 'off');
      await engine.startMachine(spec, call);
      await engine.startMachine(spec, call);
      assert.deepEqual(await engine.runningMachines(call), new Set([machineId]));
      await waitFor(
        'the machine is ready',
        async () => (await engine.machineState(machineId, call)) === 'ready',
        under.readyMs,
        200,
      );

      await engine.close();
      engine = await under.open(folder);
      assert.deepEqual(await engine.runningMachines(call), new Set([machineId]));
      assert.equal(await engine.machineState(machineId, call), 'ready');

      await engine.stopMachine({ machineId, graceMs: 60_000 }, call);
      await engine.stopMachine({ machineId, graceMs: 0 }, call);
      assert.equal(await engine.machineState(machineId, call), 'off');
      assert.equal((await engine.runningMachines(call)).size, 0);
      await engine.removeDisk(disk, call);
    });
  });
}
