// Images on the wire.

import { Type } from 'typebox';
import {
  DateTime,
  Enum,
  Id,
  NullableDateTime,
  NullableString,
  resource,
  Text,
} from './envelope.ts';
import { Extension } from './extension.ts';
import { SoftwareData } from './software.ts';

const Name = Text(30, 'Name of the image, 1 to 30 characters. Default: "Template #{image id}"');

export const ImageAttributes = Type.Object(
  {
    id: Type.Integer({ description: 'Image ID' }),
    name: Type.String({ description: 'Image name' }),
    size: Type.Integer({ description: 'Image size in GB' }),
    status: Enum(['pending', 'building', 'available', 'failed'], 'Image status'),
    source: Enum(['pre_installation', 'seat'], 'How the image was created'),
    created_at: DateTime('Image creation timestamp'),
    updated_at: DateTime('Image last update timestamp'),
    softwares: Type.Array(SoftwareData, { description: 'Software pre-installed in this image' }),
    status_reason: Extension(NullableString('Why the image failed; null otherwise')),
    progress: Extension(Type.Number({ description: 'How much of its creation is done, 0 to 1' })),
    protected: Extension(Type.Boolean({ description: 'Whether its deletion is refused' })),
    deleted_at: Extension(
      NullableDateTime('When it was deleted; null unless deleted images are listed'),
    ),
    phase: Extension(NullableString('What its creation is doing now; null when nothing is')),
  },
  { title: 'ImageAttributes' },
);

export const Image = resource('image', 'Image', ImageAttributes);

export const ImageCaptureBody = Type.Object(
  {
    machine_id: Id('ID of the machine to create an image from; it must be off'),
    name: Type.Optional(Name),
    generalize: Extension(
      Type.Optional(
        Type.Boolean({
          description:
            'Take away what identifies the machine (ids, host keys, logs, histories). Default: as the organisation has it',
        }),
      ),
    ),
  },
  { title: 'ImageCaptureBody' },
);

export const ImageInstallBody = Type.Object(
  {
    name: Type.Optional(Name),
    software_ids: Type.Optional(
      Type.Array(Id('Software ID'), {
        maxItems: 1000,
        description: 'Software to install; duplicates count once. Default: none',
      }),
    ),
    base_image_id: Type.Optional(Id('Base image to build from. Default: the newest')),
  },
  { title: 'ImageInstallBody' },
);

export const ImageAssignBody = Type.Object(
  {
    machine_ids: Type.Array(Id('Machine ID'), {
      minItems: 1,
      maxItems: 1000,
      description: 'Machines to assign the image to; duplicates count once; all or nothing',
    }),
  },
  { title: 'ImageAssignBody' },
);

/** One step of an image's creation, with what it printed. */
export const BuildStep = Type.Object(
  {
    position: Type.Integer({ description: 'Place in the order of installation, from 1' }),
    software_id: Type.Integer(),
    name: Type.String(),
    cache: Enum(
      ['hit', 'miss'],
      'Whether a layer that an earlier build made was used, by whichever organisation on this installation',
    ),
    exit_code: Type.Unsafe<number | null>({
      type: ['integer', 'null'],
      description: 'Exit status of the recipe; null on a hit',
    }),
    duration_ms: Type.Integer(),
    output: Type.String({
      description: 'What the recipe printed; the middle of a long output is left out',
    }),
  },
  { title: 'BuildStep' },
);
