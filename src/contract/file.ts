// Files of machines on the wire. There is no file storage here: what asks for files gets an empty
// folder, so that clients which show one work.

import { Type } from 'typebox';
import { Enum, pageFields } from './envelope.ts';

const always = { type: 'null' } as const;

export const Files = {
  files: Type.Array(Type.Object({}), { description: 'Always empty: there is no file storage' }),
  current: Type.Object({
    id: Type.Unsafe<null>(always),
    type: Enum(['directory'], 'What it is'),
    attributes: Type.Object({ path: Type.String(), parent_id: Type.Unsafe<null>(always) }),
  }),
  ...pageFields,
};

export const FileCapacity = {
  total: Type.Integer({ description: 'Always 0' }),
  in_use: Type.Integer({ description: 'Always 0' }),
};
