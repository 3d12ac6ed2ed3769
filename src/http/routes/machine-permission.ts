// The permissions of machines, between the wire and the application.

import { machinePermissionsSet } from '../../app/machine-permission.ts';
import { machinePermissionDefaults } from '../../domain/machine.ts';
import type { Handlers } from '../handler.ts';

export const machinePermissionHandlers: Handlers<
  'machinePermissionFields' | 'machinePermissionsSet'
> = {
  machinePermissionFields: async () => ({
    permission_fields: Object.entries(machinePermissionDefaults).map(([name, value]) => ({
      name,
      type: 'boolean',
      default: value,
    })),
  }),
  async machinePermissionsSet(context, { params, body }) {
    await machinePermissionsSet(context, params.id, body.permissions);
    return {};
  },
};
