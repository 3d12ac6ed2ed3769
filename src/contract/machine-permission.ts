// The permissions of a machine on the wire.

import { Type } from 'typebox';
import type { MachineId } from '../domain/ids.ts';
import { define, idParams, nothing } from './operation.ts';

const permissionNames = {
  public_internet_access: Type.Boolean(),
  can_download_from_vagon_workstation: Type.Boolean(),
  analytics_collection_enabled: Type.Boolean(),
  clipboard_enabled: Type.Boolean(),
  screen_recording_enabled: Type.Boolean(),
  input_recording_enabled: Type.Boolean(),
};

export const MachinePermissions = Type.Object(permissionNames, { title: 'MachinePermissions' });

/** Some of the permissions; those left out stay as they are. */
export const SomePermissions = Type.Partial(Type.Object(permissionNames), {
  additionalProperties: false,
});

const PermissionField = Type.Object(
  { name: Type.String(), type: Type.String(), default: Type.Boolean() },
  { title: 'PermissionField' },
);

export const machinePermissionOperations = {
  machinePermissionFields: define({
    method: 'GET',
    path: '/machines/permission-fields',
    tag: 'Machines',
    summary: 'List what a machine may be permitted',
    permission: 'machines:read',
    response: { permission_fields: Type.Array(PermissionField) },
    errors: [],
  }),
  machinePermissionsSet: define({
    method: 'POST',
    path: '/machines/{id}/permissions',
    tag: 'Machines',
    summary: 'Permit or forbid a machine something',
    permission: 'machines:write',
    action: 'machine_permissions_updated',
    params: idParams<MachineId>(),
    body: Type.Object({ permissions: Type.Optional(SomePermissions) }),
    response: nothing,
    errors: ['not_found', 'permissions_missing'],
  }),
} as const;
