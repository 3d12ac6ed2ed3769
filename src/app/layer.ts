// The layers of an image: how many bytes they take, and which things depend on them. `storedBytes`
// is what the whole chain takes on the disk of the host, `exclusiveBytes` the part of it that
// deleting the image would free, and the difference is shared with others.

import type { Disk } from '../domain/disk.ts';
import type { ImageId } from '../domain/ids.ts';
import type { Image } from '../domain/image.ts';
import { type Layer, storedBytesOf } from '../domain/layer.ts';
import type { Machine } from '../domain/machine.ts';
import type { ReadContext } from './context.ts';

interface ImageStorage {
  virtualBytes: number;
  storedBytes: number;
  exclusiveBytes: number;
  /** From the image's own layer down to the root. */
  chain: Layer[];
}

/** All sizes are 0 while the image has no layer. Throws `not_found`. */
export async function imageStorage({ work }: ReadContext, id: ImageId): Promise<ImageStorage> {
  const image = await work.images.get(id);
  if (image.layerId === null)
    return { virtualBytes: 0, storedBytes: 0, exclusiveBytes: 0, chain: [] };
  const chain = await work.layers.chain(image.layerId);
  let exclusiveBytes = 0;
  for (const layer of chain) {
    // A layer that something else uses stays, and so do all layers below it. Bases and software
    // belong to no organisation and stay too.
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

interface Dependents {
  /** Machines to which the image is assigned, and machines whose disk uses its layer. */
  machines: { machine: Machine; assigned: boolean; disk: boolean }[];
  images: Image[];
  keptDisks: Disk[];
  /** How many bytes deleting the image would free at once. */
  freedBytes: number;
}

/** Lists the things that depend on an image within its organisation. Throws `not_found`. */
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
