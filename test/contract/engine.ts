// What every engine must do, run against each: the guarantees that the port states.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { AppError } from '../../src/domain/error.ts';
import type { DiskId, LayerId, MachineId } from '../../src/domain/ids.ts';
import type { Boot } from '../../src/domain/layer.ts';
import type { Recipe } from '../../src/domain/software.ts';
import { gbBytes } from '../../src/domain/units.ts';
import type { Engine, MachineSpec } from '../../src/engine/port.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';

export interface EngineUnderTest {
  open(folder: string): Promise<Engine>;
  /** A bootable base and how it boots. */
  base(folder: string): Promise<{ disk: string; kernel?: string; initrd?: string; boot: Boot }>;
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
const never = new AbortController().signal;

export function testEngine(name: string, under: EngineUnderTest): void {
  describe(`the ${name} engine`, () => {
    const suite: Scope = { after };
    // Registered while the suite is described; what is deferred later joins it.
    defer(suite, () => {});
    let folder: string;
    let engine: Engine;
    let boot: Boot;
    const base = layerId();
    const sizeBytes = 4 * gbBytes;

    before(async () => {
      folder = await temporaryFolder(suite);
      defer(suite, async () => {
        for (const id of (await engine?.runningMachines()) ?? []) await engine.stopMachine(id, 0);
        await engine?.close();
      });
      engine = await under.open(folder);
      const { boot: how, ...files } = await under.base(folder);
      boot = how;
      await engine.importBase(base, files);
    });

    it('gives the digest of an imported base, and the same for the same content', async () => {
      const { boot: _, ...files } = await under.base(folder);
      const id = layerId();
      const first = await engine.importBase(id, files);
      assert.match(first.digest, /^sha256:[0-9a-f]{64}$/);
      assert.deepEqual(await engine.importBase(id, files), first);
      await engine.removeLayer(id);
      assert.ok(!(await engine.inventory()).layers.has(id));
    });

    it('makes a disk once and removes it as often as asked', async () => {
      const id = diskId();
      await engine.ensureDisk({ diskId: id, layerId: base, sizeBytes });
      await engine.ensureDisk({ diskId: id, layerId: base, sizeBytes });
      assert.ok((await engine.inventory()).disks.has(id));
      await engine.removeDisk(id);
      await engine.removeDisk(id);
      assert.ok(!(await engine.inventory()).disks.has(id));
    });

    it('refuses a disk on a layer that is not there', async () => {
      await assert.rejects(
        engine.ensureDisk({ diskId: diskId(), layerId: layerId(), sizeBytes }),
        AppError,
      );
    });

    it('seals a disk as a layer, twice with one effect, and undoes it', async () => {
      const disk = diskId();
      const layer = layerId();
      await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes });
      const sealed = await engine.sealDisk({ diskId: disk, layerId: layer, sizeBytes });
      assert.ok(sealed.storedBytes > 0);
      await engine.sealDisk({ diskId: disk, layerId: layer, sizeBytes });
      const { layers, disks } = await engine.inventory();
      assert.ok(layers.has(layer) && disks.has(disk));
      await engine.unsealDisk(disk, layer);
      await engine.unsealDisk(disk, layer);
      const undone = await engine.inventory();
      assert.ok(!undone.layers.has(layer) && undone.disks.has(disk));
      await engine.removeDisk(disk);
    });

    it('gives the same digest for the same layer, another for another, and says when there is none', async () => {
      const digest = await engine.layerDigest(base, 0, never);
      assert.match(digest, /^sha256:[0-9a-f]{64}$/);
      assert.equal(await engine.layerDigest(base, 0, never), digest);
      await assert.rejects(engine.layerDigest(layerId(), 0, never), { retry: 'never' });
      await assert.rejects(engine.layerDigest(base, 1000, AbortSignal.timeout(50)), {
        name: /Timeout|Abort/,
      });
      const { totalBytes, freeBytes } = await engine.capacity();
      assert.ok(totalBytes >= freeBytes && freeBytes > 0);
      assert.ok(((await engine.inventory()).layers.get(base) ?? 0) > 0);
    });

    it('writes a layer anew on one further down, twice with one effect, and what stands on it has the same content', async () => {
      const [disk, low, high] = [diskId(), layerId(), layerId()];
      await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes });
      await engine.sealDisk({ diskId: disk, layerId: low, sizeBytes });
      await engine.sealDisk({ diskId: disk, layerId: high, sizeBytes });
      const first = await engine.rewriteLayer({
        layerId: high,
        parentId: base,
        chain: [high, low, base],
      });
      assert.ok(first.storedBytes > 0);
      await engine.rewriteLayer({ layerId: high, parentId: base, chain: [high, low, base] });
      await engine.removeLayer(low);
      assert.deepEqual((await engine.layerDigest(high, 0, never)).slice(0, 7), 'sha256:');
      await assert.rejects(
        engine.rewriteLayer({ layerId: high, parentId: low, chain: [high, base] }),
        {
          retry: 'never',
        },
      );
      await engine.removeDisk(disk);
      await engine.removeLayer(high);
    });

    it('refuses a recipe file whose content has another digest', async () => {
      const path = join(folder, 'payload');
      await writeFile(path, 'content');
      await assert.rejects(engine.importFile('0'.repeat(64), path), /digest/);
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
      const built = await engine.buildLayer(spec, never);
      assert.equal(built.exitCode, 0);
      assert.equal((await engine.buildLayer(spec, never)).exitCode, 0);
      assert.ok((await engine.inventory()).layers.has(layer));

      const failing = layerId();
      const failed = await engine.buildLayer(
        {
          ...spec,
          layerId: failing,
          label: 'sim-exit-7',
          recipe: recipeOf('echo before it ends; exit 7'),
        },
        never,
      );
      assert.equal(failed.exitCode, 7);
      assert.ok(!(await engine.inventory()).layers.has(failing));
      await engine.removeLayer(layer);
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
      await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes });
      assert.equal(await engine.machineState(machineId), 'off');
      await engine.startMachine(spec);
      await engine.startMachine(spec);
      assert.deepEqual(await engine.runningMachines(), new Set([machineId]));
      await waitFor(
        'the machine is ready',
        async () => (await engine.machineState(machineId)) === 'ready',
        under.readyMs,
        200,
      );

      await engine.close();
      engine = await under.open(folder);
      assert.deepEqual(await engine.runningMachines(), new Set([machineId]));
      assert.equal(await engine.machineState(machineId), 'ready');

      await engine.stopMachine(machineId, 60_000);
      await engine.stopMachine(machineId, 0);
      assert.equal(await engine.machineState(machineId), 'off');
      assert.equal((await engine.runningMachines()).size, 0);
      await engine.removeDisk(disk);
    });
  });
}
