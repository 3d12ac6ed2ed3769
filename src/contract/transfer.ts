// Images on their way out and in, on the wire: our own additions.

import { Type } from 'typebox';
import { DateTime, Enum, Id, NullableInteger, NullableString, resource, Text } from './envelope.ts';

export const transferPartBytesMax = 4 * 1024 * 1024;

export const transferIdParams = Type.Object({
  id: Type.String({
    minLength: 1,
    maxLength: 64,
    pattern: '^[a-z0-9]+$',
    description: 'ID of the transfer',
  }),
});

export const partParams = Type.Object({
  ...transferIdParams.properties,
  offset: Type.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'Where in the file the part begins',
  }),
});

export const Transfer = resource(
  'transfer',
  'Transfer',
  Type.Object({
    id: Type.String(),
    kind: Enum(['export', 'import'], 'Which way'),
    format: Enum(['qcow2', 'raw'], 'Format of the file'),
    image_id: NullableInteger('The image; null until the bytes of an import are all there'),
    name: Type.String(),
    status: Enum(
      ['receiving', 'building', 'available', 'failed'],
      '`receiving`: its parts are awaited. `building`: it is worked on. `available`: the file can be downloaded, or the image is there',
    ),
    status_reason: NullableString('Why it failed'),
    size_bytes: Type.Integer({ description: 'Of the whole file; 0 while it is made' }),
    received_bytes: Type.Integer({ description: 'Where the next part begins' }),
    sha256: NullableString('Digest of the file, in hexadecimal; null when it is not known'),
    manifest: NullableString(
      'What the file is: JSON, kept as it is because its signature covers the text',
    ),
    signature: NullableString("Of the manifest's text, ed25519, base64"),
    created_at: DateTime('When it was asked for'),
    expires_at: DateTime('From when on its file may go'),
  }),
);

export const ImageExportBody = Type.Object(
  {
    format: Type.Optional(
      Enum(['qcow2', 'raw'], '`qcow2` is compressed with zstd. Default: qcow2'),
    ),
  },
  { title: 'ImageExportBody' },
);

export const ImageImportBody = Type.Object(
  {
    size_bytes: Type.Integer({
      minimum: 1,
      maximum: 16 * 1024 ** 4,
      description: 'Of the whole file',
    }),
    name: Type.Optional(Text(30, "Default: the manifest's, else Template #{image id}")),
    sha256: Type.Optional(
      Type.String({
        pattern: '^[0-9a-f]{64}$',
        description: 'Digest of the file, compared when all is there',
      }),
    ),
    manifest: Type.Optional(
      Type.String({ minLength: 2, maxLength: 100_000, description: 'Of an export, as it is' }),
    ),
    signature: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: "The manifest's" }),
    ),
  },
  { title: 'ImageImportBody' },
);

export const TransferFinishBody = Type.Object(
  {
    heal_image_id: Type.Optional(
      Id('A damaged image whose export this is: its layer gets these bytes, and no image is made'),
    ),
  },
  { title: 'TransferFinishBody' },
);
