// Machine types between the wire and the application.

import { machineTypeList, machineTypeSet, planList } from '../../app/machine-type.ts';
import type { Handlers } from '../handler.ts';

export const machineTypeHandlers: Handlers<'planList' | 'machineTypeList' | 'machineTypeSet'> = {
  planList: async (context) => ({
    plans: (await planList(context)).map(({ id, name, code, cpus, memoryMb, diskSizeGb }) => ({
      id: String(id),
      type: 'plan',
      attributes: { name, machine_type: code, cpus, memory_mb: memoryMb, disk_size: diskSizeGb },
    })),
  }),
  machineTypeList: async (context, { params }) => ({
    machine_types: (await machineTypeList(context, params.id)).map(({ id, code, name }) => ({
      id: String(id),
      type: 'machine_type',
      attributes: { name: code, friendly_name: name },
    })),
  }),
  async machineTypeSet(context, { params, body }) {
    await machineTypeSet(context, params.id, body.machine_type_id);
    return {};
  },
};
