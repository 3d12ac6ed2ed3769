// The answers of the API that this project is compatible with, field by field. They are written
// down apart from our own contract, so that the two can be compared. An answer has exactly these
// fields, because the strictest of generated clients expect that.

import type { OperationName } from '../../src/contract/table.ts';

type Schema = Record<string, unknown>;
type Fields = Record<string, Schema>;

const strict = (fields: Fields, optional: Fields = {}): Schema => ({
  type: 'object',
  properties: { ...fields, ...optional },
  required: Object.keys(fields),
  additionalProperties: false,
});
const integer = { type: 'integer' };
const text = { type: 'string' };
const yesOrNo = { type: 'boolean' };
const time = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' };
const list = (items: Schema): Schema => ({ type: 'array', items });
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });
const idText = { type: 'string', pattern: '^[1-9]\\d*$' };
const resource = (type: string, attributes: Fields, id: Schema = idText): Fields => ({
  id,
  type: { const: type },
  attributes: strict(attributes),
});

const sized = { id: integer, name: text, size: { type: 'number' } };

export const imageFields = resource('image', {
  id: integer,
  name: text,
  size: integer,
  status: { enum: ['pending', 'building', 'available', 'failed'] },
  source: { enum: ['pre_installation', 'seat'] },
  created_at: time,
  updated_at: time,
  softwares: list(strict(resource('software', sized))),
});

const statuses =
  'off creating turning_on ready turning_off resizing_disk installing region_migration warming_up';

export const machineFields = resource('machine', {
  id: integer,
  name: text,
  region: orNull(text),
  machine_type: text,
  disk_size: integer,
  file_storage_size: integer,
  friendly_status: { enum: [...statuses.split(' '), 'graceful_stopping'] },
  assigned_image_id: orNull(integer),
  assigned_image_name: orNull(text),
  last_session_start_at: orNull(time),
  auto_stop_threshold: integer,
  network_credit: integer,
  remaining_usage: { const: 0 },
  deposited_usage: { const: 0 },
  usage_source: text,
  user: orNull(strict(resource('user', { email: text, name: text }, text))),
  permissions: strict({
    public_internet_access: yesOrNo,
    can_download_from_vagon_workstation: yesOrNo,
    analytics_collection_enabled: yesOrNo,
    clipboard_enabled: yesOrNo,
    screen_recording_enabled: yesOrNo,
    input_recording_enabled: yesOrNo,
  }),
  task: { type: 'null' },
});

const page = { count: integer, page: integer, next_page: orNull(integer) };
const folder = strict({
  id: { type: 'null' },
  type: { const: 'directory' },
  attributes: strict({ path: { const: '/' }, parent_id: { type: 'null' } }),
});
const noFiles = {
  files: { type: 'array', maxItems: 0 },
  current: folder,
  count: { const: 0 },
  page: { const: 1 },
  next_page: { type: 'null' },
};
const catalogued = (type: string) =>
  strict({ ...sized, type: { const: type }, attributes: strict(sized) });
const logFields = resource('user_action_log', {
  action_type: { type: 'string', pattern: '^[a-z]+(_[a-z]+)+$' },
  created_at: time,
  user_email: orNull(text),
  organization_machine_id: orNull(integer),
  metadata: { type: 'object' },
});

/**
 * The operations of that API, each with the fields of its answer without the envelope. Optional
 * fields come second.
 */
export const answers: Partial<Record<OperationName, readonly [Fields, Fields?]>> = {
  imageList: [{ images: list(strict(imageFields)), ...page }],
  imageGet: [imageFields],
  imageCapture: [imageFields],
  imageInstall: [imageFields],
  imageAssign: [{}],
  imageDelete: [{}],
  softwareList: [
    { software: list(catalogued('software')), base_images: list(catalogued('base_image')) },
  ],
  machineList: [{ machines: list(strict(machineFields)), ...page }],
  machineGet: [machineFields],
  machineCreate: [
    { machines: list(strict(machineFields)), count: integer },
    { silver_image: strict(imageFields) },
  ],
  machineStart: [{}],
  machineStop: [{}],
  machineReset: [{}],
  machineTypeSet: [{}],
  machinePermissionsSet: [{}],
  machineAccess: [resource('access', { uid: text, connection_link: text, expires_at: time }, text)],
  machinePermissionFields: [
    { permission_fields: list(strict({ name: text, type: text, default: yesOrNo })) },
  ],
  machineTypeList: [
    { machine_types: list(strict(resource('machine_type', { name: text, friendly_name: text }))) },
  ],
  userActionLogList: [
    { logs: list(strict(logFields)), count: integer, start_date: time, end_date: time },
  ],
  fileList: [noFiles],
  fileCapacity: [{ total: { const: 0 }, in_use: { const: 0 } }],
  machineFileList: [noFiles],
};

const envelope = (code: Schema, message: Schema): Fields => ({
  client_code: code,
  message,
  timestamp: { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$' },
});

/**
 * The schema of a whole answer as it is sent; `resourceSchema` is that of a resource inside another
 * answer.
 */
export const answerSchema = ([fields, optional]: readonly [Fields, Fields?]): Schema =>
  strict({ ...fields, ...envelope({ const: 200 }, { const: 'OK' }) }, optional);
export const resourceSchema = strict;
export const errorSchema = strict(
  envelope({ type: 'integer', minimum: 201 }, { type: 'string', minLength: 10 }),
);
