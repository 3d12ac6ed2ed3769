// What images take, what hangs on them, and undo, between the wire and the application.

import {
  imageAssignUndo,
  imageProtect,
  imageRestore,
  machineDiskList,
  machineRestore,
} from '../../app/keep.ts';
import { imageDependents, imageStorage } from '../../app/storage.ts';
import { copyAt, shownStateOf, storedBytesOf } from '../../domain/layer.ts';
import { localPlace } from '../../domain/layer-copy.ts';
import { dateOrNull, dateTime, type Handlers } from '../handler.ts';
import { presentImage } from './image.ts';
import { presentMachine } from './machine.ts';

export const storageRoutes: Handlers<
  | 'imageAssignUndo'
  | 'imageRestore'
  | 'imageProtect'
  | 'imageStorage'
  | 'imageDependents'
  | 'machineDiskList'
  | 'machineRestore'
> = {
  async imageAssignUndo(context, { params, body }) {
    const machines = await imageAssignUndo(context, params.id, body.machine_ids);
    return { count: machines.length };
  },
  async imageRestore(context, { params }) {
    const { view, machines } = await imageRestore(context, params.id);
    return { ...presentImage(view), count: machines.length };
  },
  imageProtect: async (context, { params, body }) =>
    presentImage(await imageProtect(context, params.id, body.protected)),
  async imageStorage(context, { params }) {
    const { virtualBytes, storedBytes, exclusiveBytes, chain } = await imageStorage(
      context,
      params.id,
    );
    return {
      virtual_bytes: virtualBytes,
      stored_bytes: storedBytes,
      exclusive_bytes: exclusiveBytes,
      shared_bytes: storedBytes - exclusiveBytes,
      layers: chain.map((layer) => ({
        id: layer.id,
        kind: layer.kind,
        state: shownStateOf(layer),
        stored_bytes: storedBytesOf(layer),
        digest: copyAt(layer, localPlace)?.digest ?? null,
        verified_at: dateOrNull(copyAt(layer, localPlace)?.verifiedAt ?? null),
      })),
    };
  },
  async imageDependents(context, { params }) {
    const { machines, images, keptDisks, freedBytes } = await imageDependents(context, params.id);
    return {
      machines: machines.map(({ machine: { id, name }, assigned, disk }) => ({
        id,
        name,
        assigned,
        disk,
      })),
      images: images.map(({ id, name }) => ({ id, name })),
      kept_disks: keptDisks.length,
      freed_bytes: freedBytes,
    };
  },
  async machineDiskList(context, { params }) {
    const disks = await machineDiskList(context, params.id);
    return {
      disks: disks.map((disk) => ({
        id: disk.id,
        type: 'disk',
        attributes: {
          id: disk.id,
          state: disk.state as 'active' | 'kept',
          size: disk.sizeGb,
          stored_bytes: disk.storedBytes,
          image_id: disk.imageId,
          kept_until: dateOrNull(disk.keptUntil),
          created_at: dateTime(disk.createdAt),
        },
      })),
    };
  },
  machineRestore: async (context, { params, body }) =>
    presentMachine(await machineRestore(context, params.id, body.disk_id)),
};
