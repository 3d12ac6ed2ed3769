// The rows on files, of which there are none.

import { FileCapacity, Files } from '../file.ts';
import { define, idParams } from '../operation.ts';

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
    params: idParams,
    response: Files,
    errors: ['not_found'],
  }),
} as const;
