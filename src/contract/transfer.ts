// Exports and imports of images on the wire. All of it is our own addition.

import { Type } from 'typebox';
import type { ImageId, TransferId } from '../domain/ids.ts';
import { DateTime, Enum, Id, NullableInteger, NullableString, resource, Text } from './envelope.ts';
import { Firmware, Tpm } from './firmware.ts';
import { Image } from './image.ts';
import { define, idParams, nothing } from './operation.ts';

export const transferPartBytesMax = 4 * 1024 * 1024;

/** The time and the id of a transfer: its place in the list, also when it is gone. */
const transferPlacePattern = '^\\d{1,15}-[a-z0-9]{1,64}$';

const transferIdParams = Type.Object({
  id: Type.Unsafe<TransferId>({
    type: 'string',
    minLength: 1,
    maxLength: 64,
    pattern: '^[a-z0-9]+$',
    description: 'ID of the transfer',
  }),
});

const partParams = Type.Object({
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
    attestation: NullableString(
      'The manifest of an export as provenance: a statement of in-toto with SLSA provenance, in a signed envelope (DSSE), as JSON; null for an import, and for an export of an earlier version',
    ),
    created_at: DateTime('When it was asked for'),
    expires_at: DateTime('From when on its file may go'),
  }),
);

export const transferOperations = {
  imageExport: define({
    method: 'POST',
    path: '/images/{id}/export',
    tag: 'Transfers',
    summary: 'Ask for an image as one file that stands alone, with a signed manifest',
    permission: 'images:write',
    action: 'image_exported',
    params: idParams<ImageId>(),
    body: Type.Object({
      format: Type.Optional(Enum(['qcow2', 'raw'], 'Format of the disk. Default: qcow2')),
      compression: Type.Optional(
        Enum(
          ['zstd', 'gzip', 'none'],
          'Of the clusters of a qcow2 (`gzip`: zlib, which QEMU before 5.1 reads too), or of the whole file of a raw disk. Default: zstd for qcow2, none for raw',
        ),
      ),
    }),
    response: Transfer.properties,
    errors: ['not_found', 'image_not_available', 'no_capacity'],
    extension: true,
  }),
  imageImport: define({
    method: 'POST',
    path: '/images/import',
    tag: 'Transfers',
    summary:
      'Open the upload of an image: a disk (qcow2, raw, VMDK, VHD, VHDX, VDI, QED, OVA), also compressed or in an archive',
    permission: 'images:write',
    action: 'image_import_begun',
    body: Type.Object({
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
    }),
    response: Transfer.properties,
    errors: ['no_capacity'],
    extension: true,
  }),
  transferList: define({
    method: 'GET',
    path: '/transfers',
    tag: 'Transfers',
    summary: 'List the uploads and exports of the organisation, newest first',
    permission: 'images:read',
    query: Type.Object({
      per_page: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 100, description: 'At most so many. Default: 20' }),
      ),
      before: Type.Optional(
        Type.String({
          pattern: transferPlacePattern,
          maxLength: 100,
          description: 'Those that follow; next_before of the last answer',
        }),
      ),
    }),
    response: {
      transfers: Type.Array(Transfer),
      count: Type.Integer({ description: 'Number of all transfers' }),
      next_before: NullableString('What `before` must be for those that follow; null at the end'),
    },
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
    summary:
      'Send a part of the file, up to 4 MiB, where the last one ended; the nonce of its signature has 36 characters',
    permission: 'images:write',
    action: 'image_import_part_received',
    params: partParams,
    content: 'request',
    response: Transfer.properties,
    errors: ['not_found', 'conflict', 'no_capacity'],
    extension: true,
  }),
  transferFinish: define({
    method: 'POST',
    path: '/transfers/{id}/finish',
    tag: 'Transfers',
    summary: 'Make an image of the bytes that were sent, or heal one with them',
    permission: 'images:write',
    action: 'image_imported',
    params: transferIdParams,
    body: Type.Object({
      heal_image_id: Type.Optional(
        Id<ImageId>(
          'A damaged image whose export this is: its layer gets these bytes, and no image is made',
        ),
      ),
      boot_check: Type.Optional(
        Type.Boolean({
          description:
            'Start a machine on it once; the image is available only when that was ready. Default: false',
        }),
      ),
      firmware: Type.Optional(Firmware),
      tpm: Type.Optional(Tpm),
      disk: Type.Optional(
        Text(
          255,
          'The name of the disk in an archive that holds several, with its folder or without',
        ),
      ),
    }),
    response: Image.properties,
    errors: ['not_found', 'conflict', 'no_capacity'],
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
    errors: ['not_found', 'conflict', 'precondition_failed', 'range_not_satisfiable'],
    extension: true,
  }),
  transferDelete: define({
    method: 'DELETE',
    path: '/transfers/{id}',
    tag: 'Transfers',
    summary: 'End a transfer and forget its bytes',
    permission: 'images:write',
    action: 'image_transfer_deleted',
    params: transferIdParams,
    response: nothing,
    errors: ['not_found', 'conflict'],
    extension: true,
  }),
} as const;
