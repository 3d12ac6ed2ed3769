// Machines on the wire.

import { Type } from 'typebox';
import {
  DateTime,
  Enum,
  Id,
  NullableDateTime,
  NullableInteger,
  NullableString,
  resource,
  Text,
} from './envelope.ts';
import { Extension } from './extension.ts';

export const friendlyStatuses = [
  'off',
  'creating',
  'turning_on',
  'ready',
  'turning_off',
  'resizing_disk',
  'installing',
  'region_migration',
  'warming_up',
  'graceful_stopping',
] as const;

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
const SomePermissions = Type.Partial(Type.Object(permissionNames), { additionalProperties: false });

export const MachinePermissionsBody = Type.Object(
  { permissions: Type.Optional(SomePermissions) },
  { title: 'MachinePermissionsBody' },
);

export const MachineTypeBody = Type.Object(
  { machine_type_id: Id('Machine type') },
  { title: 'MachineTypeBody' },
);

export const MachineType = resource(
  'machine_type',
  'MachineType',
  Type.Object({ name: Type.String(), friendly_name: Type.String() }),
);

export const Plan = resource(
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

export const PermissionField = Type.Object(
  { name: Type.String(), type: Type.String(), default: Type.Boolean() },
  { title: 'PermissionField' },
);

const User = Type.Object(
  {
    id: Type.String(),
    type: Type.String(),
    attributes: Type.Object({ email: Type.String(), name: Type.String() }),
  },
  { title: 'User' },
);

export const MachineAttributes = Type.Object(
  {
    id: Type.Integer({ description: 'Machine ID' }),
    name: Type.String(),
    region: NullableString('Region'),
    machine_type: Type.String(),
    disk_size: Type.Integer({ description: 'Disk size in GB' }),
    file_storage_size: Type.Integer({ description: 'File storage size in GB' }),
    friendly_status: Enum(friendlyStatuses, 'State of the machine'),
    assigned_image_id: NullableInteger(
      'Image that its disk follows, or will follow at the next start',
    ),
    assigned_image_name: NullableString('Name of that image'),
    last_session_start_at: NullableDateTime('When it was last started'),
    auto_stop_threshold: Type.Integer({
      description: 'Seconds of idleness after which it stops; 0 is never',
    }),
    network_credit: Type.Integer({ description: 'Bytes' }),
    remaining_usage: Type.Integer({ description: 'Minutes' }),
    deposited_usage: Type.Integer({ description: 'Minutes' }),
    usage_source: Type.String(),
    user: Type.Union([User, Type.Null()]),
    permissions: MachinePermissions,
    task: Type.Unsafe<null>({ type: ['object', 'null'], description: 'Always null' }),
    status_reason: Extension(
      NullableString(
        'Why the last start failed, why it went off by itself, or what it lacks while it is ready',
      ),
    ),
    assignment_pending: Extension(
      Type.Boolean({
        description: 'Its disk is recreated from the assigned image at the next start',
      }),
    ),
    phase: Extension(NullableString('What is being done to it; null when nothing is')),
  },
  { title: 'MachineAttributes' },
);

export const Machine = resource('machine', 'Machine', MachineAttributes);

export const MachineConsole = resource(
  'machine_console',
  'MachineConsole',
  Type.Object({
    shown: NullableString(
      'At most 16 KiB, without control characters; null when no start has failed',
    ),
    kept_at: NullableDateTime('When the start was given up'),
  }),
);

export const MachineCreateBody = Type.Object(
  {
    plan_id: Id('Machine type of the machines, as GET /plans lists them'),
    quantity: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, description: 'How many. Default: 1' }),
    ),
    software_ids: Type.Optional(Type.Array(Id('Software ID'), { maxItems: 1000 })),
    base_image_id: Type.Optional(Id('Base image ID')),
    region: Type.Optional(Text(60, 'Region')),
    permissions: Type.Optional(SomePermissions),
  },
  { title: 'MachineCreateBody' },
);

export const MachineStartBody = Type.Object(
  {
    machine_type_id: Type.Optional(Id('Type to give it first')),
    region: Type.Optional(Text(60, 'Region')),
  },
  { title: 'MachineStartBody' },
);

export const MachineAccessBody = Type.Object(
  {
    expires_in: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 86_400,
        description: 'Seconds for which the link is good. Default: 3600',
      }),
    ),
  },
  { title: 'MachineAccessBody' },
);

export const MachineAccess = resource(
  'access',
  'MachineAccess',
  Type.Object({
    uid: Type.String(),
    connection_link: Type.String({ description: 'Opens the machine once; shown here only' }),
    expires_at: DateTime('Until when the link is good'),
  }),
);

export const MachineStopBody = Type.Object(
  {
    gracefully: Type.Optional(
      Type.Boolean({ description: 'Let the guest shut down by itself. Default: false' }),
    ),
  },
  { title: 'MachineStopBody' },
);

export const machineListQuery = {
  status: Type.Optional(Enum(friendlyStatuses, 'Only machines in this state')),
  assigned: Type.Optional(
    Type.Boolean({
      description: 'Only machines with, or without, a user; there are no users, so none has one',
    }),
  ),
  has_session_data: Type.Optional(
    Type.Boolean({
      description: 'Only machines that were, or were not, on since they were made or last reset',
    }),
  ),
  time_left: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 1_000_000_000,
      description:
        'Only machines with at least so many minutes left; nothing is metered, so each has 0',
    }),
  ),
};
