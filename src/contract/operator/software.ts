// The catalogue of software, for operators on the wire. The files of a recipe are sent first
// (upload.ts).

import { type TString, Type } from 'typebox';
import type { SoftwareId } from '../../domain/ids.ts';
import { DateTime, Id, NullableDateTime, NullableString, Text } from '../envelope.ts';
import { SentFile } from './upload.ts';

const titles = (title: TString, description: string) =>
  Type.Optional(Type.Array(title, { maxItems: 100, description }));

/** `title`: the schema of the name of a title, which only a request has to check. */
const needs = (title: TString) => ({
  cpus: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 64, description: 'Least processors of the build machine' }),
  ),
  memory_mb: Type.Optional(
    Type.Integer({ minimum: 64, maximum: 1_048_576, description: 'Its least memory' }),
  ),
  reboot_status: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 255,
      description: 'The exit status with which the script asks to be run again after a reboot',
    }),
  ),
  max_age_ms: Type.Optional(
    Type.Integer({
      minimum: 60_000,
      maximum: 3650 * 86_400_000,
      description: 'With a network: how long builds use its layer again. Default: for ever',
    }),
  ),
  requires: titles(title, 'Titles that must be installed with it, before it'),
  after: titles(title, 'Titles that are installed before it when both are wanted'),
});

export const Software = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  size_gb: Type.Number(),
  recipe: Type.Object({
    script: Type.String(),
    files: Type.Array(
      Type.Object({ name: Type.String(), sha256: Type.String(), bytes: Type.Integer() }),
    ),
    network: Type.Boolean({ description: 'Whether its build machine reaches the network' }),
    timeout_ms: Type.Integer({ description: 'The limit of the installation' }),
    ...needs(Type.String({ description: 'Name of a title' })),
  }),
  recipe_digest: Type.String({ description: 'Of all that decides the result' }),
  created_at: DateTime('When it was added'),
  version: NullableString('The version in its name; null when it has none'),
  retired_at: NullableDateTime('Since when it is not offered; null while it is'),
});

const RecipeFile = Type.Object({
  name: Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9._+~-]{0,199}$',
    description: 'The name under which the script finds it, in its working directory',
  }),
  id: SentFile('The digest of a file that was sent'),
});

export const softwareBody = Type.Object({
  name: Text(100, 'Name'),
  size_gb: Type.Number({
    exclusiveMinimum: 0,
    maximum: 10_000,
    description: 'What it takes on a disk, in GB',
  }),
  script: Type.String({
    minLength: 1,
    maxLength: 256 * 1024,
    description: 'The shell script that installs it, as root inside a build machine',
  }),
  files: Type.Optional(
    Type.Array(RecipeFile, { maxItems: 200, description: 'What the script needs' }),
  ),
  network: Type.Optional(Type.Boolean({ description: 'Default: false' })),
  timeout_ms: Type.Optional(
    Type.Integer({
      minimum: 1000,
      maximum: 24 * 3600_000,
      description: 'The limit of the installation. Default: 1800000',
    }),
  ),
  ...needs(Text(100, 'Name of a title')),
  version: Type.Optional(Text(40, 'Which version of the name it is')),
});

export const softwareParams = Type.Object({ id: Id<SoftwareId>('ID of the title') });
