// Files of machines on the wire. Silversmith has no file storage. These operations answer with an
// empty folder so that clients which show files keep working.

import { Type } from 'typebox';
import type { MachineId } from '../domain/ids.ts';
import { Enum, pageFields } from './envelope.ts';
import { define, idParams } from './operation.ts';

const always = { type: 'null' } as const;

const Files = {
  files: Type.Array(Type.Object({}), { description: 'Always empty: there is no file storage' }),
  current: Type.Object({
    id: Type.Unsafe<null>(always),
    type: Enum(['directory'], 'What it is'),
    attributes: Type.Object({ path: Type.String(), parent_id: Type.Unsafe<null>(always) }),
  }),
  ...pageFields,
};

const FileCapacity = {
  total: Type.Integer({ description: 'Always 0' }),
  in_use: Type.Integer({ description: 'Always 0' }),
};

export const fileOperations = {
  fileList: define({
    method: 'GET',
    path: '/files',
    tag: 'Files',
    summary: 'List the files of the organisation; there is no file storage, so there are none',
    permission: 'machines:read',
    response: Files,
    errors: [],
  }),
  fileCapacity: define({
    method: 'GET',
    path: '/files/capacity',
    tag: 'Files',
    summary: 'Show the size of the file storage; there is none',
    permission: 'machines:read',
    response: FileCapacity,
    errors: [],
  }),
  machineFileList: define({
    method: 'GET',
    path: '/machines/{id}/files',
    tag: 'Files',
    summary: 'List the files of a machine; there is no file storage, so there are none',
    permission: 'machines:read',
    params: idParams<MachineId>(),
    response: Files,
    errors: ['not_found'],
  }),
} as const;
