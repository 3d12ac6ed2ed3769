// Files that operators send, on the wire: the disks of bases, and what the scripts of titles need.

import { Type } from 'typebox';
import type { UploadId } from '../../domain/ids.ts';
import { DateTime } from '../envelope.ts';
import { nothing } from '../operation.ts';
import { defineOperator } from './operation.ts';

const digest = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const;

/** A file that was sent, by its digest. */
export const SentFile = (description: string) => Type.Unsafe<UploadId>({ ...digest, description });

const id = SentFile('SHA-256 of the whole file, as lower-case hexadecimal digits');
const idParams = Type.Object({ id });

const Upload = {
  id: Type.String({ description: 'SHA-256 of the whole file' }),
  size_bytes: Type.Integer({ description: 'Of the whole file' }),
  received_bytes: Type.Integer({ description: 'Where the next part begins' }),
  created_at: DateTime('When it was opened'),
  expires_at: DateTime('From when on it may go; each part and each use puts it off'),
};

export const uploadOperations = {
  uploadList: defineOperator({
    method: 'GET',
    path: '/operator/uploads',
    summary: 'List the files that operators have sent and nothing is made of yet',
    response: { uploads: Type.Array(Type.Object(Upload)) },
    errors: [],
  }),
  uploadOpen: defineOperator({
    method: 'POST',
    path: '/operator/uploads',
    summary: 'Open the upload of a file, or go on with the one of that file',
    body: Type.Object({
      id,
      size_bytes: Type.Integer({
        minimum: 1,
        maximum: 16 * 1024 ** 4,
        description: 'Of the whole file',
      }),
    }),
    response: Upload,
    errors: ['conflict', 'no_capacity'],
  }),
  uploadGet: defineOperator({
    method: 'GET',
    path: '/operator/uploads/{id}',
    summary: 'Show how far an upload is',
    params: idParams,
    response: Upload,
    errors: ['not_found'],
  }),
  uploadPart: defineOperator({
    method: 'POST',
    path: '/operator/uploads/{id}/parts/{offset}',
    summary:
      'Send a part of the file, up to 4 MiB, where the last one ended; the nonce of its signature has 36 characters',
    params: Type.Object({
      id,
      offset: Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'Where in the file the part begins',
      }),
    }),
    content: 'request',
    response: Upload,
    errors: ['not_found', 'conflict', 'no_capacity'],
  }),
  uploadRemove: defineOperator({
    method: 'DELETE',
    path: '/operator/uploads/{id}',
    summary: 'Forget a file that was sent, whether it is whole or not',
    params: idParams,
    response: nothing,
    errors: ['not_found'],
  }),
} as const;
