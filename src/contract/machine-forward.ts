// The ports of the host that lead to machines, on the wire. All of it is our own addition.

import { Type } from 'typebox';
import type { MachineId } from '../domain/ids.ts';
import { DateTime, Enum, Id, NullableString, resource } from './envelope.ts';
import { define, idParams, nothing } from './operation.ts';

const protocols = ['tcp', 'udp'] as const;
const portMax = 65_535;
const port = (description: string) => Type.Integer({ minimum: 1, maximum: portMax, description });

const MachineForward = resource(
  'machine_forward',
  'MachineForward',
  Type.Object({
    id: Type.Integer(),
    protocol: Enum(protocols, 'Protocol'),
    address: Type.String({ description: 'IPv4 address of the host on which the port listens' }),
    port: Type.Integer({ description: 'Port of the host' }),
    guest_port: Type.Integer({ description: 'Port of the machine' }),
    open: Type.Boolean({ description: 'Whether it leads to the machine now' }),
    fault: NullableString('Why the host cannot open it while the machine is on; null when it can'),
    created_at: DateTime('When it was added'),
  }),
);

export const machineForwardOperations = {
  machineForwardList: define({
    method: 'GET',
    path: '/machines/{id}/forwards',
    tag: 'Machines',
    summary: 'List the ports of the host that lead to a machine',
    permission: 'machines:read',
    params: idParams<MachineId>(),
    response: { forwards: Type.Array(MachineForward) },
    errors: ['not_found'],
    extension: true,
  }),
  machineForwardAdd: define({
    method: 'POST',
    path: '/machines/{id}/forwards',
    tag: 'Machines',
    summary:
      'Let a port of the host lead to a port of a machine on the network `user`, while the machine is on',
    permission: 'machines:write',
    action: 'machine_forward_added',
    params: idParams<MachineId>(),
    body: Type.Object({
      port: port('Port of the host, of those that the operator allows'),
      guest_port: port('Port of the machine'),
      protocol: Type.Optional(Enum(protocols, 'Default: tcp')),
      address: Type.Optional(
        Type.String({
          pattern: '^\\d{1,3}(\\.\\d{1,3}){3}$',
          description:
            'IPv4 address of the host, of those that the operator allows. Default: the first of them, which is 127.0.0.1 unless the operator chose others',
        }),
      ),
    }),
    response: MachineForward.properties,
    errors: ['not_found', 'conflict'],
    extension: true,
  }),
  machineForwardRemove: define({
    method: 'DELETE',
    path: '/machines/{id}/forwards/{forward}',
    tag: 'Machines',
    summary: 'Close a port of the host that leads to a machine, and forget it',
    permission: 'machines:write',
    action: 'machine_forward_removed',
    params: Type.Object({ id: Id<MachineId>('ID'), forward: Id<number>('ID of the forward') }),
    response: nothing,
    errors: ['not_found'],
    extension: true,
  }),
} as const;
