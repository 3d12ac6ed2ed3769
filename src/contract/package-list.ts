// Lists of the packages inside images on the wire. All of it is our own addition.

import { Type } from 'typebox';
import type { ImageId } from '../domain/ids.ts';
import { Enum, Id, NullableDateTime, NullableString, resource } from './envelope.ts';
import { define, idParams } from './operation.ts';

const packageKind = Enum(['deb', 'rpm', 'apk'], 'Of dpkg, of rpm, or of apk');

const Package = Type.Object(
  {
    kind: packageKind,
    name: Type.String(),
    version: Type.String({ description: 'With its epoch and release' }),
    architecture: NullableString('Null where the database has none'),
    source: NullableString('The source that it was built from, where that has another name'),
    licence: NullableString('As the package says it; null where the database has none'),
  },
  { title: 'Package' },
);

const PackageChange = Type.Object(
  {
    kind: packageKind,
    name: Type.String(),
    architecture: NullableString('Null where the database has none'),
    from: Type.String({ description: 'The version before' }),
    to: Type.String({ description: 'The version after' }),
  },
  { title: 'PackageChange' },
);

const System = Type.Unsafe<{ id: string; version: string | null; title: string } | null>({
  type: ['object', 'null'],
  description: 'The operating system, from its file os-release; null when it has none',
  properties: {
    id: { type: 'string' },
    version: { type: ['string', 'null'] },
    title: { type: 'string' },
  },
  required: ['id', 'version', 'title'],
});

const PackageList = resource(
  'package_list',
  'PackageList',
  Type.Object({
    state: Enum(
      ['wanted', 'listed', 'unread'],
      '`wanted`: it is being read. `listed`: it was. `unread`: it could not be',
    ),
    reason: NullableString('Why it could not be read'),
    listed_at: NullableDateTime('When it was read, or could not be'),
    system: System,
    count: Type.Integer({ description: 'Number of packages' }),
    packages: Type.Array(Package),
    notes: Type.Array(Type.String(), { description: 'What the list lacks' }),
  }),
);

const Sbom = resource(
  'sbom',
  'Sbom',
  Type.Object({
    format: Enum(['cyclonedx', 'spdx'], 'CycloneDX 1.6 or SPDX 2.3'),
    media_type: Type.String({ description: 'Of the document' }),
    document: Type.String({ description: 'The document: JSON, as a text' }),
  }),
);

const ImageDifference = resource(
  'image_difference',
  'ImageDifference',
  Type.Object({
    from: Type.String({ description: 'The image, or the base, that it is compared with' }),
    added: Type.Array(Package),
    removed: Type.Array(Package),
    changed: Type.Array(PackageChange),
    notes: Type.Array(Type.String(), { description: 'What the two lists lack' }),
  }),
);

const FileFacts = (description: string) =>
  Type.Unsafe<{
    kind: 'file' | 'folder' | 'link' | 'other';
    size_bytes: number;
    mode: number;
    uid: number;
    gid: number;
    modified_s: number;
  } | null>({
    type: ['object', 'null'],
    description,
    properties: {
      kind: { type: 'string', enum: ['file', 'folder', 'link', 'other'] },
      size_bytes: { type: 'integer' },
      mode: { type: 'integer' },
      uid: { type: 'integer' },
      gid: { type: 'integer' },
      modified_s: { type: 'integer', description: 'Seconds since 1970' },
    },
    required: ['kind', 'size_bytes', 'mode', 'uid', 'gid', 'modified_s'],
  });

const FileDifference = resource(
  'file_difference',
  'FileDifference',
  Type.Object({
    state: Enum(
      ['wanted', 'listed', 'unread'],
      '`wanted`: the files are being compared. `listed`: they were. `unread`: they could not be',
    ),
    reason: NullableString('Why they could not be compared'),
    changes: Type.Array(
      Type.Object(
        {
          path: Type.String(),
          before: FileFacts('Null for a file that was added'),
          after: FileFacts('Null for a file that was removed'),
        },
        { title: 'FileChange' },
      ),
    ),
    notes: Type.Array(Type.String(), { description: 'What the difference lacks' }),
  }),
);

const comparedWith = Type.Object({
  from: Type.Optional(Id<ImageId>('The image that comes before. Default: its base')),
});

export const packageListOperations = {
  imageFileDiffRead: define({
    method: 'POST',
    path: '/images/{id}/diff/files',
    tag: 'Packages',
    summary: 'Ask how the files of an image differ from those of another one, or of its base',
    permission: 'images:write',
    action: 'image_files_compared',
    params: idParams<ImageId>(),
    body: comparedWith,
    response: FileDifference.properties,
    errors: ['not_found', 'image_not_available'],
    extension: true,
  }),
  imageFileDiff: define({
    method: 'GET',
    path: '/images/{id}/diff/files',
    tag: 'Packages',
    summary: 'Show how the files of an image differ, once that was asked for',
    permission: 'images:read',
    params: idParams<ImageId>(),
    query: comparedWith,
    response: FileDifference.properties,
    errors: ['not_found', 'conflict', 'image_not_available'],
    extension: true,
  }),
  imagePackages: define({
    method: 'GET',
    path: '/images/{id}/packages',
    tag: 'Packages',
    summary: 'List the packages inside an image, read from its disk when it was made',
    permission: 'images:read',
    params: idParams<ImageId>(),
    response: PackageList.properties,
    errors: ['not_found', 'image_not_available'],
    extension: true,
  }),
  imagePackagesRead: define({
    method: 'POST',
    path: '/images/{id}/packages',
    tag: 'Packages',
    summary: 'Read the list of packages again, such as after it could not be read',
    permission: 'images:write',
    action: 'image_packages_read',
    params: idParams<ImageId>(),
    response: PackageList.properties,
    errors: ['not_found', 'image_not_available'],
    extension: true,
  }),
  imageSbom: define({
    method: 'GET',
    path: '/images/{id}/sbom',
    tag: 'Packages',
    summary: 'Give the list of packages inside an image as a document of a standard form',
    permission: 'images:read',
    params: idParams<ImageId>(),
    query: Type.Object({
      format: Type.Optional(
        Enum(['cyclonedx', 'spdx'], 'CycloneDX 1.6 or SPDX 2.3. Default: cyclonedx'),
      ),
    }),
    response: Sbom.properties,
    errors: ['not_found', 'conflict', 'image_not_available'],
    extension: true,
  }),
  imageDiff: define({
    method: 'GET',
    path: '/images/{id}/diff',
    tag: 'Packages',
    summary: 'Compare the packages inside an image with those of another one, or of its base',
    permission: 'images:read',
    params: idParams<ImageId>(),
    query: comparedWith,
    response: ImageDifference.properties,
    errors: ['not_found', 'conflict', 'image_not_available'],
    extension: true,
  }),
} as const;
