// Machines on the wire: the answers that show them, and the operations that make, start, stop and
// reset them.

import { Type } from 'typebox';
import type { BaseImageId, MachineId, MachineTypeId, SoftwareId } from '../domain/ids.ts';
import {
  cursorFields,
  Enum,
  Id,
  NullableDateTime,
  NullableInteger,
  NullableString,
  pageFields,
  pageQuery,
  resource,
  Text,
} from './envelope.ts';
import { Extension } from './extension.ts';
import { Image } from './image.ts';
import { MachinePermissions, SomePermissions } from './machine-permission.ts';
import { define, idParams, nothing } from './operation.ts';
import { MachineStarted } from './template.ts';

const friendlyStatuses = [
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

/** `off`: it stays off. `restart`: it is started again, a few times. */
export const crashPolicies = ['off', 'restart'] as const;

const User = Type.Object(
  {
    id: Type.String(),
    type: Type.String(),
    attributes: Type.Object({ email: Type.String(), name: Type.String() }),
  },
  { title: 'User' },
);

const RootSystem = Type.Union(
  [
    Type.Object({
      device: Type.String({ description: 'Its device, as the guest calls it' }),
      type: Type.String({ description: 'Such as ext4' }),
      bytes: Type.Integer({ description: 'Its size' }),
      disk_bytes: Type.Integer({ description: "The size of the machine's disk" }),
      unused: NullableString(
        'Why much of the disk is in no file system, and what to do; null when it is in use',
      ),
    }),
    Type.Null(),
  ],
  {
    description:
      'The root file system of its disk, as its guest agent said last; null when that is not known',
  },
);

const MachineAttributes = Type.Object(
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
    deleted_at: Extension(
      NullableDateTime('When it was deleted; null unless deleted machines are listed'),
    ),
    cpus: Extension(Type.Integer({ description: 'Processors that it has while it is on' })),
    memory_mb: Extension(Type.Integer({ description: 'MB of memory that it has while it is on' })),
    addresses: Extension(
      Type.Array(Type.String(), {
        description:
          'By which it is reached while it is on, as its guest says; none when they are not known',
      }),
    ),
    network: Extension(
      NullableString(
        'The network of its machine type: none, user, tap, or bridge:NAME; null: that of the server',
      ),
    ),
    crash_policy: Extension(
      Enum(crashPolicies, 'Whether it stays off or is started again when its guest died'),
    ),
    restarts_at: Extension(
      NullableDateTime('When it is started again after its guest died; null when it is not'),
    ),
    place: Extension(
      NullableString(
        'The host on which its disk is, of an engine that has several; null when it is not known',
      ),
    ),
    started: Extension(MachineStarted),
    root_system: Extension(RootSystem),
  },
  { title: 'MachineAttributes' },
);

export const Machine = resource('machine', 'Machine', MachineAttributes);

const machineListQuery = {
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
  deleted: Extension(
    Type.Optional(
      Type.Boolean({
        description: 'Instead of the machines, those deleted that can be brought back',
      }),
    ),
  ),
};

export const machineOperations = {
  machineList: define({
    method: 'GET',
    path: '/machines',
    tag: 'Machines',
    summary: 'List the machines of the organisation',
    permission: 'machines:read',
    query: Type.Object({ ...pageQuery, ...machineListQuery }),
    response: { machines: Type.Array(Machine), ...pageFields, ...cursorFields },
    errors: [],
  }),
  machineGet: define({
    method: 'GET',
    path: '/machines/{id}',
    tag: 'Machines',
    summary: 'Show a machine',
    permission: 'machines:read',
    params: idParams<MachineId>(),
    response: Machine.properties,
    errors: ['not_found'],
  }),
  machineCreate: define({
    method: 'POST',
    path: '/machines',
    tag: 'Machines',
    summary:
      'Create machines; with software or a base image, an image (silver_image in the answer) is made first and assigned to them',
    permission: 'machines:write',
    action: 'machine_created',
    body: Type.Object({
      plan_id: Id<MachineTypeId>('Machine type of the machines, as GET /plans lists them'),
      quantity: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 100, description: 'How many. Default: 1' }),
      ),
      software_ids: Type.Optional(Type.Array(Id<SoftwareId>('Software ID'), { maxItems: 1000 })),
      base_image_id: Type.Optional(Id<BaseImageId>('Base image ID')),
      region: Type.Optional(Text(60, 'Region')),
      permissions: Type.Optional(SomePermissions),
    }),
    response: {
      machines: Type.Array(Machine),
      count: Type.Integer(),
      silver_image: Type.Optional(Image),
    },
    errors: ['not_found', 'image_too_large', 'no_capacity'],
  }),
  machineDelete: define({
    method: 'DELETE',
    path: '/machines/{id}',
    tag: 'Machines',
    summary:
      'Delete a machine that is off; its disk is kept for a while, and it can be brought back until then',
    permission: 'machines:write',
    action: 'machine_deleted',
    params: idParams<MachineId>(),
    response: nothing,
    errors: ['not_found', 'machine_not_stopped'],
    extension: true,
  }),
  machineUndelete: define({
    method: 'POST',
    path: '/machines/{id}/undelete',
    tag: 'Machines',
    summary:
      'Bring a deleted machine back with its disk, assignment, permissions and name, while its disk is kept',
    permission: 'machines:write',
    action: 'machine_undeleted',
    params: idParams<MachineId>(),
    response: Machine.properties,
    errors: ['not_found'],
    extension: true,
  }),
  machineStart: define({
    method: 'POST',
    path: '/machines/{id}/start',
    tag: 'Machines',
    summary: 'Start a machine',
    permission: 'machines:power',
    action: 'machine_started',
    params: idParams<MachineId>(),
    body: Type.Object({
      machine_type_id: Type.Optional(Id<MachineTypeId>('Type to give it first')),
      region: Type.Optional(Text(60, 'Region')),
    }),
    response: nothing,
    errors: ['not_found', 'machine_not_ready', 'image_too_large', 'no_capacity', 'disk_resizing'],
  }),
  machineStop: define({
    method: 'POST',
    path: '/machines/{id}/stop',
    tag: 'Machines',
    summary: 'Stop a machine',
    permission: 'machines:power',
    action: 'machine_stopped',
    params: idParams<MachineId>(),
    body: Type.Object({
      gracefully: Type.Optional(
        Type.Boolean({
          description:
            'Give the guest two minutes to shut down by itself, instead of 30 s. Default: false',
        }),
      ),
    }),
    response: nothing,
    errors: ['not_found', 'machine_not_ready'],
  }),
  machineReset: define({
    method: 'POST',
    path: '/machines/{id}/reset',
    tag: 'Machines',
    summary:
      "Discard a machine's disk; its next start begins from the assigned image, else from the newest base",
    permission: 'machines:write',
    action: 'machine_reset',
    params: idParams<MachineId>(),
    response: nothing,
    errors: ['not_found', 'machine_not_ready', 'image_too_large'],
  }),
} as const;
