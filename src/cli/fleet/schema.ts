// The schema of fleet files: all that one may declare. The file for editors
// (docs/reference/fleet.schema.json) is printed from it.

import { type Static, Type } from 'typebox';
import { Board, Firmware, StateCopy, Tpm } from '../../contract/firmware.ts';

const Name = (most: number, description: string) =>
  Type.String({ minLength: 1, maxLength: most, description });
const Names = (description: string) =>
  Type.Array(Name(100, 'A name'), { maxItems: 1000, description });
const closed = { additionalProperties: false } as const;

const Software = Type.Object(
  {
    name: Name(100, 'Name of the title'),
    size_gb: Type.Number({ exclusiveMinimum: 0, maximum: 10_000, description: 'GB on a disk' }),
    script: Name(4096, 'The shell script that installs it; a path relative to this file'),
    files: Type.Optional(Names('Files that the script finds in its working directory')),
    network: Type.Optional(Type.Boolean({ description: 'Whether its build reaches the network' })),
    timeout: Type.Optional(
      Type.String({ pattern: '^[0-9]{1,6}[smhd]$', description: 'Limit, such as 30m' }),
    ),
  },
  { ...closed, description: 'A title of the catalogue; only the operator adds them (--local)' },
);

const Base = Type.Object(
  {
    name: Name(100, 'Name of the base image'),
    file: Name(4096, 'The disk; a path relative to this file'),
    kernel: Type.Optional(Name(4096, 'Kernel, for direct boot')),
    initrd: Type.Optional(Name(4096, 'initrd, for direct boot')),
    append: Type.Optional(Name(2000, 'Kernel command line, for direct boot')),
    firmware: Type.Optional(Firmware),
    tpm: Type.Optional(Tpm),
    state_copy: Type.Optional(StateCopy),
    board: Type.Optional(Board),
  },
  { ...closed, description: 'A base image; only the operator adds them (--local)' },
);

const MachineType = Type.Object(
  {
    name: Name(100, 'Name of the machine type'),
    cpus: Type.Integer({ minimum: 1, maximum: 255 }),
    memory_mb: Type.Integer({ minimum: 1, maximum: 16_777_216 }),
    disk_gb: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
    network: Type.Optional(
      Type.String({
        pattern: '^(none|user|tap|bridge:.{1,15})$',
        description: "Network of its machines, such as user or bridge:lab. Default: the server's",
      }),
    ),
  },
  { ...closed, description: 'A size of machines; only the operator adds them (--local)' },
);

const Image = Type.Object(
  {
    name: Name(30, 'Name of the image'),
    from: Type.Optional(Name(30, 'Another image of this file, whose base and software it has too')),
    base: Type.Optional(Name(100, 'Base image. Default: the newest')),
    software: Type.Optional(Names('Titles that are installed')),
    protected: Type.Optional(Type.Boolean({ description: 'Whether its deletion is refused' })),
  },
  { ...closed, description: 'An image: a base with software' },
);

const Machines = Type.Object(
  {
    name: Type.Optional(Name(200, 'One machine that is there; instead of type and count')),
    type: Type.Optional(Name(100, 'Machine type, by name')),
    count: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'At least so many. Default: 1' }),
    ),
    image: Type.Optional(Name(30, 'Image that is assigned to them')),
  },
  { ...closed, description: 'Machines of a type, or one by its name' },
);

const Key = Type.Object(
  {
    name: Name(100, 'What the key is for'),
    organisation: Name(100, 'Organisation; made when there is none of that name'),
    permissions: Type.Optional(Names('Such as images:read. Default: all')),
  },
  { ...closed, description: 'An access key; only the operator makes them (--local)' },
);

const list = <Of extends Parameters<typeof Type.Array>[0]>(items: Of) =>
  Type.Optional(Type.Array(items, { maxItems: 1000 }));

export const fleetSchema = Type.Object(
  {
    version: Type.Literal(1, { description: 'Of this format' }),
    software: list(Software),
    bases: list(Base),
    machine_types: list(MachineType),
    images: list(Image),
    machines: list(Machines),
    keys: list(Key),
  },
  {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A fleet of Silversmith',
    description: 'Read by silversmith apply',
    ...closed,
  },
);

export type Fleet = Static<typeof fleetSchema>;
export type DeclaredImage = Static<typeof Image>;
export type DeclaredMachines = Static<typeof Machines>;
