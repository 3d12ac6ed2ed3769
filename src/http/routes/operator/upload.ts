// Uploads of operators, between the wire and the functions of the operator.

import {
  uploadGet,
  uploadList,
  uploadOpen,
  uploadPart,
  uploadRemove,
} from '../../../app/operator/upload.ts';
import type { OperatorAnswer } from '../../../contract/operator/table.ts';
import type { Upload } from '../../../domain/upload.ts';
import { dateTime } from '../../handler.ts';
import type { OperatorHandlers } from './handler.ts';

const presentUpload = (upload: Upload): OperatorAnswer<'uploadGet'> => ({
  id: upload.id,
  size_bytes: upload.bytes,
  received_bytes: upload.receivedBytes,
  created_at: dateTime(upload.createdAt),
  expires_at: dateTime(upload.expiresAt),
});

export const uploadHandlers: Pick<
  OperatorHandlers,
  'uploadList' | 'uploadOpen' | 'uploadGet' | 'uploadPart' | 'uploadRemove'
> = {
  uploadList: async ({ store }) => ({ uploads: (await uploadList(store)).map(presentUpload) }),
  uploadOpen: async ({ operator }, { body: { id, size_bytes: bytes } }) =>
    presentUpload(await uploadOpen(operator, { id, bytes })),
  uploadGet: async ({ store }, { params }) => presentUpload(await uploadGet(store, params.id)),
  uploadPart: ({ turns, ...rooms }, { params: { id, offset }, content }) =>
    turns.take(id, async () => presentUpload(await uploadPart(rooms, id, offset, content))),
  async uploadRemove({ operator, blobs, turns }, { params: { id } }) {
    await turns.take(id, () => uploadRemove(operator, blobs, id));
    return {};
  },
};
