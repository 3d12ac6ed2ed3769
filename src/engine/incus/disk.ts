// Writable disks: each is an instance, made from the image of its layer, which is off until a
// machine is started on it. A seal publishes the instance as the image of the new layer, and the
// disk keeps its content; the undoing of a seal removes that image.

import { failedForGood, failedForNow } from '../../domain/error.ts';
import type { Call } from '../port/call.ts';
import type { DiskSpec, Disks } from '../port/disks.ts';
import { targetOf } from './cluster.ts';
import { diskName, type Incus, layerAlias } from './context.ts';
import { claimLayer, getLayer, publish, removeLayerImage } from './image.ts';
import { claimInstance, type Devices, ensureInstance, isOn, removeInstance } from './instance.ts';

/** The root disk of an instance. A pool without quotas takes no notice of the size. */
export const rootDisk = ({ pool }: Incus, sizeBytes: number): Devices => ({
  root: { type: 'disk', path: '/', pool, size: `${Math.ceil(sizeBytes)}B` },
});

export const disksIn = (incus: Incus): Disks => ({
  async ensureDisk({ diskId, layerId, sizeBytes, region = null }, call) {
    const { type } = await getLayer(incus, layerId, call.signal);
    const target = await targetOf(incus, region, call.signal);
    const devices = rootDisk(incus, sizeBytes);
    const image = layerAlias(layerId);
    const spec = { name: diskName(diskId), image, type, config: {}, devices, target };
    await ensureInstance(incus, spec, call);
  },
  sealDisk: (spec, call) => sealDisk(incus, spec, call),
  async unsealDisk({ diskId, layerId }, call) {
    await claimInstance(incus, diskName(diskId), call);
    await removeLayerImage(incus, layerId, call);
  },
  removeDisk: (diskId, call) => removeInstance(incus, diskName(diskId), call),
});

async function sealDisk(incus: Incus, { diskId, layerId, sizeBytes }: DiskSpec, call: Call) {
  const name = diskName(diskId);
  const found = await claimInstance(incus, name, call);
  if (found === null) throw failedForGood("The machine's disk is missing.", { detail: name });
  if (isOn(found.value))
    throw failedForNow('The disk is in use by a machine that is on; stop it first.', {
      detail: name,
    });
  const image =
    (await claimLayer(incus, layerId, call)) ?? (await publish(incus, name, layerId, call));
  return { virtualBytes: sizeBytes, storedBytes: image.size };
}
