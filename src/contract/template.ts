// The parts of answers that tell of templates, from whose memory machines start at once.

import { Type } from 'typebox';
import { Enum, NullableString } from './envelope.ts';

/** When templates are made; `inherit`: as it is set one level above. */
export const TemplatePolicy = (description: string) =>
  Enum(['always', 'on-assignment', 'never', 'inherit'], description);

/** How a machine was last started. */
export const MachineStarted = Type.Union(
  [
    Type.Object({
      from: Enum(['memory', 'disk'], 'memory: from that of a template; disk: it booted'),
      because: NullableString('Why a fresh disk was booted; null where nothing is to be said'),
      ms: Type.Integer({ description: 'From the request until it was ready' }),
    }),
    Type.Null(),
  ],
  { description: 'How it was last started; null before its first start' },
);
