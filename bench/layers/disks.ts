// Measures captures and new disks, and the bytes that they take.

import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { call } from '../../test/call.ts';
import type { Row } from '../report.ts';
import type { Round } from './beside.ts';
import {
  type Bench,
  diskFile,
  layerFile,
  mib,
  newDisk,
  newId,
  qemuImg,
  qemuIo,
  storedBytes,
  synced,
  tool,
} from './engine.ts';

/** The number of disks and images over which the bytes of one are averaged. */
const copies = 50;
/** The copy of a whole disk takes seconds. */
const copyRounds = 3;

const overlayArgs = (layer: string) => ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', layer];

/** Captures disks of several sizes. Each capture is undone, so that the next one finds the same. */
export async function measureCaptures(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const gb of [1, 10, 50]) {
    const sizeBytes = (gb + 2) * gbBytes;
    const diskId = await newDisk(bench, sizeBytes);
    const path = diskFile(bench, diskId);
    // The file is allocated and mapped but sparse on the host, so 50 GB do not need 50 GB here.
    await qemuIo(path, `write -z -n ${gbBytes} ${gb}G`);
    if (gb === 1)
      for (let at = 0; at < 1024; at += 64)
        await qemuIo(path, `write -s ${bench.pattern} ${gbBytes + at * mib} 64M`);
    const ours: Round = async (measured) => {
      const layerId = newId<LayerId>();
      await measured(() => bench.engine.sealDisk({ diskId, layerId, sizeBytes }, call));
      await bench.engine.unsealDisk({ diskId, layerId }, call);
    };
    // It lies among the layers, so that the relative name of its own layer is right.
    const moved = join(bench.folder, 'engine', 'layers', 'moved.qcow2');
    const theirs: Round = async (measured) => {
      await measured(async () => {
        await qemuImg('info', path);
        await rename(path, moved);
        await qemuImg(...overlayArgs(moved), path, String(sizeBytes));
        await synced(path);
        await synced(moved);
      });
      await rename(moved, path);
      await synced(path);
    };
    const copied = join(bench.folder, 'copied.qcow2');
    const copying: Round = async (measured) => {
      await measured(async () => {
        await qemuImg('convert', '-O', 'qcow2', path, copied);
        await synced(copied);
      });
      await rm(copied);
    };
    const what = `capture of ${gb} GB`;
    const peer = 'qemu-img info, mv, qemu-img create -b; synced';
    rows.push(await bench.beside({ what, ours, peer, theirs }));
    if (gb === 1)
      rows.push(
        await bench.beside({
          what: `${what}, written`,
          ours,
          peer: 'a copy: qemu-img convert; synced',
          theirs: copying,
          rounds: copyRounds,
        }),
      );
  }
  return rows;
}

/** New disks; on a file system with reflinks also beside a whole copy that shares its bytes. */
export async function measureDisks(bench: Bench): Promise<Row[]> {
  const layer = layerFile(bench, bench.base);
  const made = join(bench.folder, 'made.qcow2');
  const ours: Round = (measured) => measured(() => newDisk(bench, 10 * gbBytes));
  const create: Round = async (measured) => {
    await measured(async () => {
      await qemuImg(...overlayArgs(layer), made, '10G');
      await synced(made);
    });
    await rm(made);
  };
  const reflink: Round = async (measured) => {
    await measured(async () => {
      await tool('cp', '--reflink=always', layer, made);
      await synced(made);
    });
    await rm(made);
  };
  const what = 'new disk';
  const rows = [
    await bench.beside({ what, ours, peer: 'qemu-img create -b; synced', theirs: create }),
  ];
  const sharesBytes = await reflink((work) => work()).then(
    () => true,
    () => false,
  );
  if (sharesBytes)
    rows.push(await bench.beside({ what, ours, peer: 'cp --reflink; synced', theirs: reflink }));
  return rows;
}

export async function measureBytes(bench: Bench): Promise<Row[]> {
  let bytes = 0;
  for (let index = 0; index < copies; index++)
    bytes += await storedBytes(diskFile(bench, await newDisk(bench, 10 * gbBytes)));
  const kb = (bytes / copies / 1024).toFixed(0);
  const baseBytes = await storedBytes(layerFile(bench, bench.base));
  const written = 16 * mib;
  let imageBytes = baseBytes;
  for (let index = 0; index < copies; index++) {
    const sizeBytes = 10 * gbBytes;
    const disk = await newDisk(bench, sizeBytes);
    await qemuIo(diskFile(bench, disk), `write -P ${index + 1} 1G 16M`);
    const spec = { diskId: disk, layerId: newId<LayerId>(), sizeBytes };
    imageBytes += (await bench.engine.sealDisk(spec, call)).storedBytes;
  }
  const ratio = imageBytes / (baseBytes + copies * written);
  return [
    {
      what: 'bytes of fifty images',
      values: { '× peer': ratio, peer: 'the base and what differs' },
    },
    { what: 'bytes of a new disk', values: { peer: `${kb} KB beside the base` } },
  ];
}
