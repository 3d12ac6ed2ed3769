// Machine types, for operators on the wire.

import { Type } from 'typebox';
import { NullableDateTime, NullableString, Text } from '../envelope.ts';
import { defineOperator } from './operation.ts';

const sizes = {
  cpus: Type.Integer({ minimum: 1, maximum: 512, description: 'Virtual processors' }),
  memory_mb: Type.Integer({ minimum: 16, maximum: 16_777_216, description: 'Memory in MB' }),
  disk_size_gb: Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Disk size in GB' }),
};

const MachineType = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  code: Type.String(),
  ...sizes,
  network: NullableString('Network of the machines; null: that of the server'),
  retired_at: NullableDateTime('Since when it is not offered; null while it is'),
});

export const machineTypeOperations = {
  machineTypeList: defineOperator({
    method: 'GET',
    path: '/operator/machine-types',
    summary: 'List the machine types',
    response: { machine_types: Type.Array(MachineType) },
    errors: [],
  }),
  machineTypeAdd: defineOperator({
    method: 'POST',
    path: '/operator/machine-types',
    summary: 'Add a machine type',
    body: Type.Object({
      name: Text(100, 'Name'),
      code: Text(100, 'Short name'),
      ...sizes,
      network: Type.Optional(Text(22, 'Network of its machines: none, user, tap, or bridge:NAME')),
    }),
    response: { id: Type.Integer() },
    errors: [],
  }),
} as const;
