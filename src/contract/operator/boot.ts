// How a chain of layers boots, on the wire.

import { Type } from 'typebox';
import { Enum, NullableString } from '../envelope.ts';
import { Board, firmwares, StateCopy, Tpm } from '../firmware.ts';
import { Nullable } from './operation.ts';

/** Null: it is not known, or the root of the chain says it. */
export const Boot = Nullable(
  Type.Object({
    mode: Enum(
      ['direct', ...firmwares],
      'With a kernel beside the disk, or by the loader on it that a firmware of this name starts',
    ),
    append: Type.Optional(Type.String({ description: 'The kernel command line' })),
    build_append: Type.Optional(
      NullableString('Arguments with which the initrd runs user-data and powers off'),
    ),
    tpm: Type.Optional(Tpm),
    state_copy: Type.Optional(StateCopy),
    board: Type.Optional(Board),
    least_disk_bytes: Type.Optional(Type.Integer({ description: 'The least disk of its guests' })),
    display: Type.Optional(Enum(['std', 'virtio'], 'The display of its machines')),
    ready_ms: Type.Optional(Type.Integer({ description: 'How long a start may take' })),
    agent_shell: Type.Optional(
      Enum(['sh', 'powershell'], 'The shell in which the guest agent runs recipes'),
    ),
    build: Type.Optional(Type.Object({ cpus: Type.Integer(), memory_mb: Type.Integer() })),
  }),
);
