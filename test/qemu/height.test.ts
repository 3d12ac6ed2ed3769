// Every tool opens a chain of the highest allowed number of layers, and a machine starts on it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { LayerId, MachineId } from '../../src/domain/ids.ts';
import { chainHeightMax } from '../../src/domain/layer.ts';
import { partsOf } from '../../src/engine/optional/transfer.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { fileContent, fileSink } from '../../src/lib/content.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId, machineOn } from '../contract/engine/world.ts';
import { defer, temporaryFolder, waitFor } from '../support.ts';
import { quickBase } from './quick-base.ts';

const mib = 1024 ** 2;
const sizeBytes = 8 * 1024 ** 3;
const machineId = 1 as MachineId;

describe('the highest chain', () => {
  it('can be exported, imported, rewritten and started', async (t) => {
    const folder = await temporaryFolder(t);
    const root = join(folder, 'engine');
    const engine = await openQemu({ root });
    const { boot, ...files } = await quickBase(folder);
    const [base, disk] = [layerId(), diskId()];
    await engine.importBase({ layerId: base, ...(await contents(files)) }, call);
    await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
    const path = join(root, 'disks', `${disk}.qcow2`);
    const layers: LayerId[] = [];
    for (let height = 2; height <= chainHeightMax; height++) {
      execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -P ${height} ${height}M 64k`, path], {
        stdio: 'pipe',
      });
      const layer = layerId();
      await engine.sealDisk({ diskId: disk, layerId: layer, sizeBytes }, call);
      layers.push(layer);
    }
    const head = layers.at(-1) as LayerId;
    const chain = [...layers.toReversed(), base];
    const spec = { layerId: head, boot, baseLayerId: base, chain, bytesMax: 64 * mib };
    const out = join(folder, 'out.qcow2');
    const { tail } = await engine.transfer.exportLayer(
      { ...spec, format: 'qcow2', to: fileSink(out) },
      call,
    );
    const again = layerId();
    await engine.transfer.importLayer(
      {
        layerId: again,
        parentId: base,
        bytesMax: 64 * mib,
        ...partsOf(await fileContent(out), tail),
      },
      call,
    );
    defer(t, () => engine.stopMachine({ machineId, graceMs: 0 }, call));
    await engine.startMachine(
      machineOn({ machineId, diskId: disk, boot, baseLayerId: base, chain, fresh: false }),
      call,
    );
    await waitFor(
      'it is ready',
      async () => (await engine.machineState(machineId, call)) === 'ready',
      120_000,
      100,
    );
    await engine.stopMachine({ machineId, graceMs: 0 }, call);
    await engine.compact.rewrite({ layerId: head, parentId: base, chain }, call);
    const compare = (id: LayerId) =>
      execFileSync(
        'qemu-img',
        ['compare', '-f', 'qcow2', '-F', 'qcow2', join(root, 'layers', `${id}.qcow2`), path],
        {
          stdio: 'pipe',
        },
      ).toString();
    assert.match(compare(again), /identical/);
  });
});
