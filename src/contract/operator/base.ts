// Base images, for operators on the wire. The files of a base are sent first (upload.ts).

import { Type } from 'typebox';
import type { BaseImageId } from '../../domain/ids.ts';
import { DateTime, Enum, Id, NullableDateTime, NullableString, Text } from '../envelope.ts';
import { Board, Firmware, StateCopy, Tpm } from '../firmware.ts';
import { Boot } from './boot.ts';
import { Nullable } from './operation.ts';
import { SentFile } from './upload.ts';

const fields = {
  id: Type.Integer(),
  name: Type.String(),
  size_gb: Type.Number(),
  layer_id: Type.String(),
  created_at: DateTime('When it was added'),
  proved_at: NullableDateTime('Since when it is known to work'),
  failed_at: NullableDateTime('When its last trial failed'),
  version: NullableString('The version in its name; null when it has none'),
  retired_at: NullableDateTime('Since when it is not offered; null while it is'),
  held_at: NullableDateTime('Since when it is not taken where no base is named'),
};

export const Base = Type.Object(fields);

const listed = {
  ...fields,
  boot: Boot,
  works: Nullable(Type.Boolean({ description: 'What its last use has shown; null: it had none' })),
  default: Type.Boolean({ description: 'Whether it is taken where no base is named' }),
};

export const ListedBase = Type.Object(listed);

export const shownBase = {
  ...listed,
  warnings: Type.Array(Type.String(), { description: 'What is known against it' }),
};

export const Healed = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  images: Type.Integer({ description: 'That failed by the damage and are available again' }),
});

export const healBody = Type.Object({
  file: SentFile('The digest of the file that the base came from, which was sent'),
  disk_name: Type.Optional(Text(255, 'The disk in an archive that holds several')),
});

export const Trial = Type.Object({
  works: Type.Boolean(),
  said: Type.String({ description: 'Why it does not work; empty when it does' }),
});

const kernelText = (description: string) =>
  Type.String({ maxLength: 2000, pattern: '^[\\x20-\\x7e]*$', description });

export const baseBody = Type.Object({
  name: Text(100, 'Name'),
  disk: SentFile('The digest of a disk that was sent, in a format that the engine takes'),
  version: Type.Optional(Text(40, 'Which version of the name it is')),
  hold: Type.Optional(Type.Boolean({ description: 'Whether it is not taken where none is named' })),
  awaits_trial: Type.Optional(
    Type.Boolean({ description: 'Whether it is not offered until a trial has passed' }),
  ),
  disk_name: Type.Optional(Text(255, 'The disk in an archive that holds several')),
  kernel: Type.Optional(SentFile('The digest of a kernel that was sent; it needs an initrd')),
  initrd: Type.Optional(SentFile('The digest of an initrd that was sent')),
  append: Type.Optional(kernelText('The kernel command line, with a kernel')),
  build_append: Type.Optional(
    kernelText('Arguments with which the initrd runs user-data and powers off'),
  ),
  agent_shell: Type.Optional(
    Enum(
      ['sh', 'powershell'],
      'Builds boot as machines do, and the guest agent runs their recipes in this shell',
    ),
  ),
  firmware: Type.Optional(Firmware),
  tpm: Type.Optional(Tpm),
  state_copy: Type.Optional(StateCopy),
  board: Type.Optional(Board),
  display: Type.Optional(Enum(['std', 'virtio'], 'The display of its machines; without it: std')),
});

export const baseParams = Type.Object({ id: Id<BaseImageId>('ID of the base image') });
