// Files of machines. There is no file storage, so each answer is an empty folder.

import { machineGet } from '../../app/machine.ts';
import type { Answer } from '../../contract/table.ts';
import type { Handlers } from '../handler.ts';

const noFiles: Answer<'fileList'> = {
  files: [],
  current: { id: null, type: 'directory', attributes: { path: '/', parent_id: null } },
  count: 0,
  page: 1,
  next_page: null,
};

export const fileHandlers: Handlers<'fileList' | 'fileCapacity' | 'machineFileList'> = {
  fileList: async () => noFiles,
  fileCapacity: async () => ({ total: 0, in_use: 0 }),
  async machineFileList(context, { params }) {
    await machineGet(context, params.id);
    return noFiles;
  },
};
