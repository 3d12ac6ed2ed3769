// The disks of a machine, between the wire and the application.

import { machineDiskList, machineRestore } from '../../app/disk.ts';
import { dateOrNull, dateTime, type Handlers } from '../handler.ts';
import { presentMachine } from './machine.ts';

export const diskHandlers: Handlers<'machineDiskList' | 'machineRestore'> = {
  async machineDiskList(context, { params }) {
    const disks = await machineDiskList(context, params.id);
    return {
      disks: disks.map((disk) => ({
        id: disk.id,
        type: 'disk',
        attributes: {
          id: disk.id,
          state: disk.state === 'active' ? 'active' : 'kept',
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
