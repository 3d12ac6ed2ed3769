// What images take and what hangs on them, and disks that were set aside, on the wire: our own
// additions.

import { Type } from 'typebox';
import { DateTime, Enum, Id, NullableDateTime, NullableInteger, resource } from './envelope.ts';

const Bytes = (description: string) => Type.Integer({ description });

export const Storage = {
  virtual_bytes: Bytes('What a machine sees'),
  stored_bytes: Bytes('What all its layers take on the disk of the host'),
  exclusive_bytes: Bytes('What would be free if it went'),
  shared_bytes: Bytes('What it shares with other images, disks or the catalogue'),
  layers: Type.Array(
    Type.Object({
      id: Type.String(),
      kind: Enum(['base', 'software', 'capture'], 'What made it'),
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

export const Dependents = {
  machines: Type.Array(
    Type.Object({
      id: Type.Integer(),
      name: Type.String(),
      assigned: Type.Boolean({ description: 'The image is assigned to it' }),
      disk: Type.Boolean({ description: 'Its disk stands on the image' }),
    }),
  ),
  images: Type.Array(Named, { description: 'Images made on top of it' }),
  kept_disks: Type.Integer({ description: 'Disks set aside that stand on it' }),
  freed_bytes: Bytes('What would be free at once if it went'),
};

export const Disk = resource(
  'disk',
  'Disk',
  Type.Object({
    id: Type.String(),
    state: Enum(
      ['active', 'kept'],
      "`active`: the machine's own. `kept`: set aside, and can be brought back",
    ),
    size: Type.Integer({ description: 'GB that the machine sees' }),
    stored_bytes: NullableInteger(
      'What it takes on the disk of the host; null until it was looked at',
    ),
    image_id: NullableInteger('The image that it was made from; null: a base image'),
    kept_until: NullableDateTime('Until when it can be brought back; null for the own disk'),
    created_at: DateTime('When it was made'),
  }),
);

export const MachineRestoreBody = Type.Object(
  {
    disk_id: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: 'Default: the disk set aside last' }),
    ),
  },
  { title: 'MachineRestoreBody' },
);

export const ImageAssignUndoBody = Type.Object(
  {
    machine_ids: Type.Optional(
      Type.Array(Id('Machine ID'), {
        minItems: 1,
        maxItems: 1000,
        description: 'Default: every machine to which the image is assigned',
      }),
    ),
  },
  { title: 'ImageAssignUndoBody' },
);

export const ImageProtectBody = Type.Object(
  { protected: Type.Boolean({ description: 'Whether deletion is refused' }) },
  { title: 'ImageProtectBody' },
);
