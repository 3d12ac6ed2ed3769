// The public contract as one table: every operation's path, permission, inputs, answer and errors.
// The router, the validation, the serialisation, the client's types and api/openapi.json are all read from it.

import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox';
import { UserActionLog, userActionLogQuery } from './audit.ts';
import type { WireErrorName } from './error.ts';
import { BuildStep, Image, ImageAssignBody, ImageCaptureBody, ImageInstallBody } from './image.ts';
import {
  Machine,
  MachineAccess,
  MachineAccessBody,
  MachineCreateBody,
  MachinePermissionsBody,
  MachineStartBody,
  MachineStopBody,
  MachineType,
  MachineTypeBody,
  machineListQuery,
  PermissionField,
} from './machine.ts';
import { DateTime, Id, NullableString, pageFields, pageQuery } from './schema.ts';
import { CatalogueBaseImage, CatalogueSoftware } from './software.ts';
import { Dependents, Disk, ImageAssignUndoBody, ImageProtectBody, MachineRestoreBody, Storage } from './storage.ts';
import {
  ImageExportBody,
  ImageImportBody,
  partParams,
  Transfer,
  TransferFinishBody,
  transferIdParams,
} from './transfer.ts';
import { Usage } from './usage.ts';

export interface OperationSpec {
  method: 'GET' | 'POST' | 'DELETE';
  /** Under the prefix, with `{name}` for parameters. */
  path: string;
  tag: string;
  summary: string;
  permission: string;
  params?: TObject;
  query?: TObject;
  /** Absent: a body is accepted and ignored. A body may always be left out when no field of it is required. */
  body?: TObject;
  /** Bytes instead of JSON: as the body of the request, or as the answer. */
  content?: 'request' | 'response';
  /** The answer's own fields; the envelope comes on top. */
  response: TProperties;
  /** What it can refuse with, besides what every operation can. */
  errors: readonly WireErrorName[];
  /** Not part of the API that this project is compatible with. */
  extension?: true;
}

const define = <const Spec extends OperationSpec>(spec: Spec): Spec => spec;

const idParams = Type.Object({ id: Id('ID') });
const imageResource = Image.properties;
const machineResource = Machine.properties;
const nothing = {};

export const operations = {
  imageList: define({
    method: 'GET',
    path: '/images',
    tag: 'Images',
    summary: 'List the images of the organisation, newest first',
    permission: 'images:read',
    query: Type.Object({
      ...pageQuery,
      deleted: Type.Optional(
        Type.Boolean({ description: 'Extension: instead of the images, those deleted that can be brought back' }),
      ),
    }),
    response: { images: Type.Array(Image), ...pageFields },
    errors: [],
  }),
  imageGet: define({
    method: 'GET',
    path: '/images/{id}',
    tag: 'Images',
    summary: 'Show an image',
    permission: 'images:read',
    params: idParams,
    response: imageResource,
    errors: ['not_found'],
  }),
  imageCapture: define({
    method: 'POST',
    path: '/images',
    tag: 'Images',
    summary: 'Create an image from a stopped machine',
    permission: 'images:write',
    body: ImageCaptureBody,
    response: imageResource,
    errors: ['not_found', 'machine_has_no_image', 'machine_not_stopped', 'capture_pending'],
  }),
  imageInstall: define({
    method: 'POST',
    path: '/images/install',
    tag: 'Images',
    summary: 'Create an image from a base image and a list of software',
    permission: 'images:write',
    body: ImageInstallBody,
    response: imageResource,
    errors: ['not_found'],
  }),
  imageAssign: define({
    method: 'POST',
    path: '/images/{id}/assign',
    tag: 'Images',
    summary: 'Assign an image to machines; their disks are recreated from it at their next start',
    permission: 'images:write',
    params: idParams,
    body: ImageAssignBody,
    response: nothing,
    errors: ['not_found', 'machines_not_found', 'image_not_available', 'machine_not_assignable', 'image_too_large'],
  }),
  imageDelete: define({
    method: 'DELETE',
    path: '/images/{id}',
    tag: 'Images',
    summary: 'Delete an image; machines that run on it keep working',
    permission: 'images:write',
    params: idParams,
    response: nothing,
    errors: ['not_found', 'conflict', 'image_building'],
  }),
  imageLog: define({
    method: 'GET',
    path: '/images/{id}/log',
    tag: 'Images',
    summary: "Show the steps of an image's creation and what each printed",
    permission: 'images:read',
    params: idParams,
    response: {
      steps: Type.Array(BuildStep),
      report: NullableString('What a generalisation cleared and warned of, a line each; null when there was none'),
    },
    errors: ['not_found'],
    extension: true,
  }),
  imageAssignUndo: define({
    method: 'POST',
    path: '/images/{id}/assign/undo',
    tag: 'Images',
    summary: 'Take an assignment back: machines get the disk, or the assignment, that they had before',
    permission: 'images:write',
    params: idParams,
    body: ImageAssignUndoBody,
    response: { count: Type.Integer({ description: 'Machines that were changed' }) },
    errors: ['not_found', 'machines_not_found', 'machine_not_ready', 'conflict'],
    extension: true,
  }),
  imageRestore: define({
    method: 'POST',
    path: '/images/{id}/restore',
    tag: 'Images',
    summary: 'Bring a deleted image back while its bytes are kept',
    permission: 'images:write',
    params: idParams,
    response: imageResource,
    errors: ['not_found'],
    extension: true,
  }),
  imageProtect: define({
    method: 'POST',
    path: '/images/{id}/protection',
    tag: 'Images',
    summary: 'Protect an image from deletion, or end that',
    permission: 'images:write',
    params: idParams,
    body: ImageProtectBody,
    response: imageResource,
    errors: ['not_found'],
    extension: true,
  }),
  imageStorage: define({
    method: 'GET',
    path: '/images/{id}/storage',
    tag: 'Images',
    summary: 'Show what an image takes, and its layers',
    permission: 'images:read',
    params: idParams,
    response: Storage,
    errors: ['not_found'],
    extension: true,
  }),
  imageDependents: define({
    method: 'GET',
    path: '/images/{id}/dependents',
    tag: 'Images',
    summary: 'List what hangs on an image, and what its deletion would free',
    permission: 'images:read',
    params: idParams,
    response: Dependents,
    errors: ['not_found'],
    extension: true,
  }),
  imageExport: define({
    method: 'POST',
    path: '/images/{id}/export',
    tag: 'Transfers',
    summary: 'Ask for an image as one file that stands alone, with a signed manifest',
    permission: 'images:write',
    params: idParams,
    body: ImageExportBody,
    response: Transfer.properties,
    errors: ['not_found', 'image_not_available'],
    extension: true,
  }),
  imageImport: define({
    method: 'POST',
    path: '/images/import',
    tag: 'Transfers',
    summary: 'Open the upload of an image: a qcow2 or raw disk',
    permission: 'images:write',
    body: ImageImportBody,
    response: Transfer.properties,
    errors: [],
    extension: true,
  }),
  transferGet: define({
    method: 'GET',
    path: '/transfers/{id}',
    tag: 'Transfers',
    summary: 'Show a transfer: how far it is, and the manifest of an export',
    permission: 'images:read',
    params: transferIdParams,
    response: Transfer.properties,
    errors: ['not_found'],
    extension: true,
  }),
  transferPart: define({
    method: 'POST',
    path: '/transfers/{id}/parts/{offset}',
    tag: 'Transfers',
    summary: 'Send a part of the file, up to 4 MiB, where the last one ended',
    permission: 'images:write',
    params: partParams,
    content: 'request',
    response: Transfer.properties,
    errors: ['not_found', 'conflict'],
    extension: true,
  }),
  transferFinish: define({
    method: 'POST',
    path: '/transfers/{id}/finish',
    tag: 'Transfers',
    summary: 'Make an image of the bytes that were sent, or heal one with them',
    permission: 'images:write',
    params: transferIdParams,
    body: TransferFinishBody,
    response: imageResource,
    errors: ['not_found', 'conflict'],
    extension: true,
  }),
  transferContent: define({
    method: 'GET',
    path: '/transfers/{id}/content',
    tag: 'Transfers',
    summary: 'Download the file of an export; takes Range, so that a download goes on',
    permission: 'images:read',
    params: transferIdParams,
    content: 'response',
    response: nothing,
    errors: ['not_found', 'conflict'],
    extension: true,
  }),
  transferDelete: define({
    method: 'DELETE',
    path: '/transfers/{id}',
    tag: 'Transfers',
    summary: 'End a transfer and forget its bytes',
    permission: 'images:write',
    params: transferIdParams,
    response: nothing,
    errors: ['not_found', 'conflict'],
    extension: true,
  }),
  softwareList: define({
    method: 'GET',
    path: '/software',
    tag: 'Software',
    summary: 'List the software that can be installed and the base images',
    permission: 'software:read',
    response: { software: Type.Array(CatalogueSoftware), base_images: Type.Array(CatalogueBaseImage) },
    errors: [],
  }),
  machineList: define({
    method: 'GET',
    path: '/machines',
    tag: 'Machines',
    summary: 'List the machines of the organisation',
    permission: 'machines:read',
    query: Type.Object({ ...pageQuery, ...machineListQuery }),
    response: { machines: Type.Array(Machine), ...pageFields },
    errors: [],
  }),
  machineGet: define({
    method: 'GET',
    path: '/machines/{id}',
    tag: 'Machines',
    summary: 'Show a machine',
    permission: 'machines:read',
    params: idParams,
    response: machineResource,
    errors: ['not_found'],
  }),
  machineCreate: define({
    method: 'POST',
    path: '/machines',
    tag: 'Machines',
    summary: 'Create machines; with software or a base image, an image is made first and assigned to them',
    permission: 'machines:write',
    body: MachineCreateBody,
    response: { machines: Type.Array(Machine), count: Type.Integer(), silver_image: Type.Optional(Image) },
    errors: ['not_found', 'image_too_large'],
  }),
  machineStart: define({
    method: 'POST',
    path: '/machines/{id}/start',
    tag: 'Machines',
    summary: 'Start a machine',
    permission: 'machines:power',
    params: idParams,
    body: MachineStartBody,
    response: nothing,
    errors: ['not_found', 'machine_not_ready', 'no_capacity', 'disk_resizing'],
  }),
  machineStop: define({
    method: 'POST',
    path: '/machines/{id}/stop',
    tag: 'Machines',
    summary: 'Stop a machine',
    permission: 'machines:power',
    params: idParams,
    body: MachineStopBody,
    response: nothing,
    errors: ['not_found', 'machine_not_ready'],
  }),
  machineReset: define({
    method: 'POST',
    path: '/machines/{id}/reset',
    tag: 'Machines',
    summary: "Discard a machine's disk; its next start begins from the assigned image, else from the newest base",
    permission: 'machines:write',
    params: idParams,
    response: nothing,
    errors: ['not_found', 'machine_not_ready'],
  }),
  machineDiskList: define({
    method: 'GET',
    path: '/machines/{id}/disks',
    tag: 'Machines',
    summary: 'List the disk of a machine and those set aside, newest first',
    permission: 'machines:read',
    params: idParams,
    response: { disks: Type.Array(Disk) },
    errors: ['not_found'],
    extension: true,
  }),
  machineRestore: define({
    method: 'POST',
    path: '/machines/{id}/restore',
    tag: 'Machines',
    summary: 'Put a disk that was set aside back, byte for byte; the one in its place is set aside',
    permission: 'machines:write',
    params: idParams,
    body: MachineRestoreBody,
    response: machineResource,
    errors: ['not_found', 'machine_not_ready'],
    extension: true,
  }),
  machineAccess: define({
    method: 'POST',
    path: '/machines/{id}/access',
    tag: 'Machines',
    summary: 'Make a link that opens a ready machine once',
    permission: 'machines:power',
    params: idParams,
    body: MachineAccessBody,
    response: MachineAccess.properties,
    errors: ['not_found', 'machine_not_ready'],
  }),
  machinePermissionFields: define({
    method: 'GET',
    path: '/machines/permission-fields',
    tag: 'Machines',
    summary: 'List what a machine may be permitted',
    permission: 'machines:read',
    response: { permission_fields: Type.Array(PermissionField) },
    errors: [],
  }),
  machineTypeList: define({
    method: 'GET',
    path: '/machines/{id}/available-machine-types',
    tag: 'Machines',
    summary: 'List the types that a machine can have',
    permission: 'machines:read',
    params: idParams,
    response: { machine_types: Type.Array(MachineType) },
    errors: ['not_found'],
  }),
  machineTypeSet: define({
    method: 'POST',
    path: '/machines/{id}/machine-type',
    tag: 'Machines',
    summary: 'Give a machine that is off another type; its disk stays as it is',
    permission: 'machines:write',
    params: idParams,
    body: MachineTypeBody,
    response: nothing,
    errors: ['not_found', 'machine_not_ready'],
  }),
  machinePermissionsSet: define({
    method: 'POST',
    path: '/machines/{id}/permissions',
    tag: 'Machines',
    summary: 'Permit or forbid a machine something',
    permission: 'machines:write',
    params: idParams,
    body: MachinePermissionsBody,
    response: nothing,
    errors: ['not_found', 'permissions_missing'],
  }),
  usageGet: define({
    method: 'GET',
    path: '/usage',
    tag: 'Usage',
    summary: 'Show what the organisation has and may have',
    permission: 'images:read',
    response: Usage,
    errors: [],
    extension: true,
  }),
  userActionLogList: define({
    method: 'GET',
    path: '/user-action-logs',
    tag: 'Audit',
    summary: 'List what was done over the API, newest first, at most 1,000 entries',
    permission: 'audit:read',
    query: userActionLogQuery,
    response: {
      logs: Type.Array(UserActionLog),
      count: Type.Integer({ description: 'Number of all matches' }),
      start_date: DateTime('Beginning of the time looked at'),
      end_date: DateTime('Its end'),
    },
    errors: [],
  }),
} as const;

export type Operations = typeof operations;
export type OperationName = keyof Operations;

type StaticOf<Schema> = Schema extends TSchema ? Static<Schema> : Record<never, never>;

/** All that an operation can refuse with: its own, and what every one can. */
export const refusalsOf = ({ method, body, errors }: OperationSpec): WireErrorName[] => [
  ...new Set<WireErrorName>([
    ...(['invalid', 'unauthenticated', 'permission_required', 'too_many_requests'] as const),
    ...(method === 'GET' ? [] : (['conflict', 'too_large'] as const)),
    ...(body ? (['not_json'] as const) : []),
    ...errors,
    ...(['internal', 'unavailable'] as const),
  ]),
];

/** The parts of a request, typed; a part that an operation does not have is empty. */
export type Params<Name extends OperationName> = StaticOf<Operations[Name] extends { params: infer P } ? P : undefined>;
export type Query<Name extends OperationName> = StaticOf<Operations[Name] extends { query: infer Q } ? Q : undefined>;
export type Body<Name extends OperationName> = StaticOf<Operations[Name] extends { body: infer B } ? B : undefined>;

/** The answer's own fields, without the envelope. */
export type Answer<Name extends OperationName> = Static<TObject<Operations[Name]['response']>>;

/** The operations whose bodies and answers are JSON, and those of which one is bytes. */
export type ContentOperationName = {
  [Name in OperationName]: Operations[Name] extends { content: string } ? Name : never;
}[OperationName];
export type JsonOperationName = Exclude<OperationName, ContentOperationName>;

/** What a successful answer adds to its own fields. */
export interface Envelope {
  client_code: number;
  message: string;
  timestamp: string;
}
