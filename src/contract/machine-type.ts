// Machine types, the sizes of machines, on the wire, where they are also called plans.

import { Type } from 'typebox';
import type { MachineId, MachineTypeId } from '../domain/ids.ts';
import { Id, resource } from './envelope.ts';
import { define, idParams, nothing } from './operation.ts';

const Plan = resource(
  'plan',
  'Plan',
  Type.Object({
    name: Type.String(),
    machine_type: Type.String(),
    cpus: Type.Integer({ description: 'Virtual processors' }),
    memory_mb: Type.Integer({ description: 'Memory in MB' }),
    disk_size: Type.Integer({ description: 'Disk size in GB' }),
  }),
);

export const MachineType = resource(
  'machine_type',
  'MachineType',
  Type.Object({ name: Type.String(), friendly_name: Type.String() }),
);

export const machineTypeOperations = {
  planList: define({
    method: 'GET',
    path: '/plans',
    tag: 'Machines',
    summary: 'List the machine types (plans): the sizes in which machines are made',
    permission: 'machines:read',
    response: { plans: Type.Array(Plan) },
    errors: [],
    extension: true,
  }),
  machineTypeList: define({
    method: 'GET',
    path: '/machines/{id}/available-machine-types',
    tag: 'Machines',
    summary: 'List the types that a machine can have',
    permission: 'machines:read',
    params: idParams<MachineId>(),
    response: { machine_types: Type.Array(MachineType) },
    errors: ['not_found'],
  }),
  machineTypeSet: define({
    method: 'POST',
    path: '/machines/{id}/machine-type',
    tag: 'Machines',
    summary: 'Give a machine that is off another type; its disk stays as it is',
    permission: 'machines:write',
    action: 'machine_type_changed',
    params: idParams<MachineId>(),
    body: Type.Object({ machine_type_id: Id<MachineTypeId>('Machine type') }),
    response: nothing,
    errors: ['not_found', 'machine_not_ready'],
  }),
} as const;
