// A finding of the doctor on the wire.

import { Type } from 'typebox';
import { Enum } from '../envelope.ts';

export const Finding = Type.Object({
  severity: Enum(['error', 'warning'], 'Whether something cannot be used or may be lost'),
  subject: Type.String({ description: 'The thing with the fault' }),
  found: Type.String(),
  cure: Type.String(),
});
