// The picture of a machine's screen, on the wire.

import type { MachineId } from '../domain/ids.ts';
import { define, idParams, nothing } from './operation.ts';

export const screenOperations = {
  machineScreen: define({
    method: 'GET',
    path: '/machines/{id}/screen.png',
    tag: 'Machines',
    summary: 'Show what is on the screen of a ready machine now, as a PNG',
    permission: 'machines:power',
    params: idParams<MachineId>(),
    content: 'response',
    mediaType: 'image/png',
    response: nothing,
    errors: ['not_found', 'machine_not_ready'],
    extension: true,
  }),
} as const;
