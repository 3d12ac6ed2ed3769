// Images on the wire: the answers that show them, and the operations that make, name, protect and
// delete them.

import { Type } from 'typebox';
import type { BaseImageId, ImageId, MachineId, SoftwareId } from '../domain/ids.ts';
import {
  cursorFields,
  DateTime,
  Enum,
  Id,
  NullableDateTime,
  NullableInteger,
  NullableString,
  pageFields,
  pageQuery,
  resource,
  Text,
} from './envelope.ts';
import { Extension } from './extension.ts';
import { define, idParams, nothing } from './operation.ts';
import { SoftwareData } from './software.ts';
import { TemplatePolicy } from './template.ts';

const Name = Text(30, 'Name of the image, 1 to 30 characters. Default: "Template #{image id}"');

const ImageAttributes = Type.Object(
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
    base_id: Extension(
      NullableInteger('The base image that it stands on; null when it stands on none'),
    ),
    base_name: Extension(NullableString('Name of that base image, with its version')),
    base_version: Extension(NullableString('Version of that base image; null when it has none')),
    templates: Extension(
      TemplatePolicy('When templates are made of it; inherit: as for its organisation'),
    ),
  },
  { title: 'ImageAttributes' },
);

export const Image = resource('image', 'Image', ImageAttributes);

/** One step of an image's creation, with its output. */
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
      description:
        'What the recipe printed; the middle of a long output is left out, and the beginning where all outputs together are longer than 1 MiB',
    }),
    warnings: Type.Array(Type.String(), {
      description: 'Lines of the output in which a package manager could not reach its sources',
    }),
  },
  { title: 'BuildStep' },
);

const RunningStep = Type.Unsafe<{
  position: number | null;
  name: string;
  output: string;
} | null>({
  type: ['object', 'null'],
  description:
    'The step that runs, with the end of what it has printed so far; null when none does',
  properties: {
    position: { type: ['integer', 'null'], description: 'Null for a generalisation' },
    name: { type: 'string' },
    output: { type: 'string' },
  },
  required: ['position', 'name', 'output'],
});

export const imageOperations = {
  imageList: define({
    method: 'GET',
    path: '/images',
    tag: 'Images',
    summary: 'List the images of the organisation, newest first',
    permission: 'images:read',
    query: Type.Object({
      ...pageQuery,
      deleted: Extension(
        Type.Optional(
          Type.Boolean({
            description: 'Instead of the images, those deleted that can be brought back',
          }),
        ),
      ),
    }),
    response: { images: Type.Array(Image), ...pageFields, ...cursorFields },
    answerName: 'ListImagesResponse',
    errors: [],
  }),
  imageGet: define({
    method: 'GET',
    path: '/images/{id}',
    tag: 'Images',
    summary: 'Show an image',
    permission: 'images:read',
    params: idParams<ImageId>(),
    response: Image.properties,
    errors: ['not_found'],
  }),
  imageCapture: define({
    method: 'POST',
    path: '/images',
    tag: 'Images',
    summary: 'Create an image from a stopped machine',
    permission: 'images:write',
    action: 'image_created',
    body: Type.Object({
      machine_id: Id<MachineId>('ID of the machine to create an image from; it must be off'),
      name: Type.Optional(Name),
      generalize: Extension(
        Type.Optional(
          Type.Boolean({
            description:
              'Take away what identifies the machine (ids, host keys, logs, histories). Default: as the organisation has it',
          }),
        ),
      ),
    }),
    response: Image.properties,
    answerName: 'CreateImageResponse',
    errors: [
      'not_found',
      'machine_has_no_image',
      'machine_not_stopped',
      'capture_pending',
      'no_capacity',
    ],
  }),
  imageInstall: define({
    method: 'POST',
    path: '/images/install',
    tag: 'Images',
    summary: 'Create an image from a base image and a list of software',
    permission: 'images:write',
    action: 'image_created',
    body: Type.Object({
      name: Type.Optional(Name),
      software_ids: Type.Optional(
        Type.Array(Id<SoftwareId>('Software ID'), {
          maxItems: 1000,
          description: 'Software to install; duplicates count once. Default: none',
        }),
      ),
      base_image_id: Type.Optional(
        Id<BaseImageId>('Base image to build from. Default: the newest'),
      ),
      refresh: Extension(
        Type.Optional(
          Type.Boolean({
            description:
              'Make the steps that reach the network anew, and all that stand on them. Default: false',
          }),
        ),
      ),
    }),
    response: Image.properties,
    answerName: 'CreateImageResponse',
    errors: ['not_found', 'no_capacity'],
  }),
  imageDelete: define({
    method: 'DELETE',
    path: '/images/{id}',
    tag: 'Images',
    summary: 'Delete an image; machines that run on it keep working',
    permission: 'images:write',
    action: 'image_deleted',
    params: idParams<ImageId>(),
    response: nothing,
    errors: ['not_found', 'conflict', 'image_building'],
  }),
  imageCancel: define({
    method: 'POST',
    path: '/images/{id}/cancel',
    tag: 'Images',
    summary: 'End the making of an image; it becomes failed with the reason "cancelled"',
    permission: 'images:write',
    action: 'image_cancelled',
    params: idParams<ImageId>(),
    response: Image.properties,
    errors: ['not_found', 'machine_not_ready'],
    extension: true,
  }),
  imageRestore: define({
    method: 'POST',
    path: '/images/{id}/restore',
    tag: 'Images',
    summary: 'Bring a deleted image back while its bytes are kept, and with it its assignments',
    permission: 'images:write',
    action: 'image_restored',
    params: idParams<ImageId>(),
    response: {
      ...Image.properties,
      count: Type.Integer({ description: 'Machines to which it is assigned again' }),
    },
    errors: ['not_found'],
    extension: true,
  }),
  imageProtect: define({
    method: 'POST',
    path: '/images/{id}/protection',
    tag: 'Images',
    summary: 'Protect an image from deletion, or end that',
    permission: 'images:write',
    action: 'image_protection_changed',
    params: idParams<ImageId>(),
    body: Type.Object({ protected: Type.Boolean({ description: 'Whether deletion is refused' }) }),
    response: Image.properties,
    errors: ['not_found'],
    extension: true,
  }),
  imageTemplatesSet: define({
    method: 'POST',
    path: '/images/{id}/templates',
    tag: 'Images',
    summary: 'Set when templates of an image are made, from whose memory machines start at once',
    permission: 'images:write',
    action: 'image_templates_changed',
    params: idParams<ImageId>(),
    body: Type.Object({
      templates: TemplatePolicy(
        'on-assignment: while it is assigned to a machine; inherit: as for the organisation',
      ),
    }),
    response: Image.properties,
    errors: ['not_found'],
    extension: true,
  }),
  imageLog: define({
    method: 'GET',
    path: '/images/{id}/log',
    tag: 'Images',
    summary: "Show the steps of an image's creation and what each printed",
    permission: 'images:read',
    params: idParams<ImageId>(),
    query: Type.Object({
      follow: Type.Optional(
        Type.Boolean({
          description:
            'Answer with a stream of server-sent events instead: image.log for what is printed, until the image is available or failed; then the event end. With the header Last-Event-ID, begin after that event',
        }),
      ),
    }),
    mayFollow: true,
    response: {
      steps: Type.Array(BuildStep),
      running: RunningStep,
      report: NullableString(
        'What a generalisation cleared and warned of, a line each; null when there was none',
      ),
    },
    errors: ['not_found'],
    extension: true,
  }),
} as const;
