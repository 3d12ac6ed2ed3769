// The layers of an image on the wire: how many bytes they take, and which things depend on them.
// This noun is our own addition.

import { Type } from 'typebox';
import type { ImageId } from '../domain/ids.ts';
import { Enum, NullableDateTime } from './envelope.ts';
import { define, idParams } from './operation.ts';

const Bytes = (description: string) => Type.Integer({ description });

const Storage = {
  virtual_bytes: Bytes('What a machine sees'),
  stored_bytes: Bytes('What all its layers take on the disk of the host'),
  exclusive_bytes: Bytes('What would be free if it went'),
  shared_bytes: Bytes('What it shares with other images, disks or the catalogue'),
  layers: Type.Array(
    Type.Object({
      id: Type.String(),
      kind: Enum(['base', 'software', 'capture', 'template'], 'What made it'),
      state: Enum(['building', 'sealed', 'quarantined', 'deleting'], 'Whether it can be used'),
      stored_bytes: Bytes('What it takes on the disk of the host'),
      digest: Type.Unsafe<string | null>({
        type: ['string', 'null'],
        description: 'Of its bytes; null until it is known',
      }),
      verified_at: NullableDateTime('When its bytes were last compared with the digest'),
    }),
    { description: 'From the head down to the base' },
  ),
};

const Named = Type.Object({ id: Type.Integer(), name: Type.String() });

const Dependents = {
  machines: Type.Array(
    Type.Object({
      id: Type.Integer(),
      name: Type.String(),
      assigned: Type.Boolean({ description: 'The image is assigned to it' }),
      disk: Type.Boolean({ description: 'Its disk stands on the image' }),
    }),
  ),
  images: Type.Array(Named, { description: 'Images made on top of it' }),
  kept_disks: Type.Integer({ description: 'Kept disks that stand on it' }),
  freed_bytes: Bytes('What would be free at once if it went'),
};

export const layerOperations = {
  imageStorage: define({
    method: 'GET',
    path: '/images/{id}/storage',
    tag: 'Images',
    summary: 'Show what an image takes, and its layers',
    permission: 'images:read',
    params: idParams<ImageId>(),
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
    params: idParams<ImageId>(),
    response: Dependents,
    errors: ['not_found'],
    extension: true,
  }),
} as const;
