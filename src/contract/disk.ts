// The disks of a machine on the wire: its own, and those that were replaced and are kept for a
// while. All of it is our own addition.

import { Type } from 'typebox';
import type { DiskId, MachineId } from '../domain/ids.ts';
import { DateTime, Enum, NullableDateTime, NullableInteger, resource } from './envelope.ts';
import { Machine } from './machine.ts';
import { define, idParams } from './operation.ts';

export const Disk = resource(
  'disk',
  'Disk',
  Type.Object({
    id: Type.String(),
    state: Enum(
      ['active', 'kept'],
      "`active`: the machine's own. `kept`: a kept disk, which was replaced and can be put back",
    ),
    size: Type.Integer({ description: 'GB that the machine sees' }),
    stored_bytes: NullableInteger(
      'What it takes on the disk of the host; null until it was looked at',
    ),
    image_id: NullableInteger('The image that it was made from; null: a base image'),
    kept_until: NullableDateTime('Until when it can be put back; null for the own disk'),
    created_at: DateTime('When it was made'),
  }),
);

export const diskOperations = {
  machineDiskList: define({
    method: 'GET',
    path: '/machines/{id}/disks',
    tag: 'Machines',
    summary: 'List the disk of a machine and its kept disks, newest first',
    permission: 'machines:read',
    params: idParams<MachineId>(),
    response: { disks: Type.Array(Disk) },
    errors: ['not_found'],
    extension: true,
  }),
  machineRestore: define({
    method: 'POST',
    path: '/machines/{id}/restore',
    tag: 'Machines',
    summary: 'Put a kept disk back, byte for byte; the one in its place becomes a kept disk',
    permission: 'machines:write',
    action: 'machine_restored',
    params: idParams<MachineId>(),
    body: Type.Object({
      disk_id: Type.Optional(
        Type.Unsafe<DiskId>({
          type: 'string',
          minLength: 1,
          maxLength: 64,
          description: 'Default: the disk that was replaced last',
        }),
      ),
    }),
    response: Machine.properties,
    errors: ['not_found', 'machine_not_ready'],
    extension: true,
  }),
} as const;
