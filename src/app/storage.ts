// What images take, and what stands on them. Sizes are honest: stored is what the chain takes on
// the disk of the host, exclusive what would be free if the image went, shared the rest.

import type { Disk } from '../domain/disk.ts';
import type { ImageId } from '../domain/ids.ts';
import type { Image } from '../domain/image.ts';
import { type Layer, storedBytesOf } from '../domain/layer.ts';
import type { Machine } from '../domain/machine.ts';
import type { ReadContext } from './context.ts';

export interface ImageStorage {
  virtualBytes: number;
  storedBytes: number;
  exclusiveBytes: number;
  chain: Layer[];
}

export async function imageStorage(context: ReadContext, id: ImageId): Promise<ImageStorage> {
  const { work } = context;
  const image = await work.images.get(id);
  if (image.layerId === null)
    return { virtualBytes: 0, storedBytes: 0, exclusiveBytes: 0, chain: [] };
  const chain = await work.layers.chain(image.layerId);
  let exclusiveBytes = 0;
  for (const layer of chain) {
    // Down to the first layer that somebody else stands on, or that is everybody's.
    if (layer.kind !== 'capture' || (await work.layers.usersOf(layer.id)) > 1) break;
    exclusiveBytes += storedBytesOf(layer);
  }
  return {
    virtualBytes: Math.max(...chain.map((layer) => layer.virtualBytes)),
    storedBytes: chain.reduce((sum, layer) => sum + storedBytesOf(layer), 0),
    exclusiveBytes,
    chain,
  };
}

export interface Dependents {
  /** Machines to which it is assigned, and those whose disk stands on it. */
  machines: { machine: Machine; assigned: boolean; disk: boolean }[];
  images: Image[];
  keptDisks: Disk[];
  /** What would be free at once if it went. */
  freedBytes: number;
}

/** What of the organisation hangs on an image. */
export async function imageDependents(context: ReadContext, id: ImageId): Promise<Dependents> {
  const { work } = context;
  const image = await work.images.get(id);
  const assigned = await work.machines.ofImage(id);
  const standing = image.layerId === null ? [] : await work.disks.standingOn(image.layerId);
  const disks = standing.filter((disk) => disk.state !== 'fresh');
  const onDisk = new Set(
    disks.filter((disk) => disk.state === 'active').map((disk) => disk.machineId),
  );
  const above = image.layerId === null ? [] : await work.images.standingOn(image.layerId);
  const known = new Set(assigned.map((machine) => machine.id));
  const machines = [
    ...assigned,
    ...(await work.machines.getMany([...onDisk].filter((one) => !known.has(one)))),
  ];
  return {
    machines: machines.map((machine) => ({
      machine,
      assigned: machine.assignedImageId === id,
      disk: onDisk.has(machine.id),
    })),
    images: above.filter((one) => one.id !== id),
    keptDisks: disks.filter((disk) => disk.state === 'kept'),
    freedBytes: (await imageStorage(context, id)).exclusiveBytes,
  };
}
