// The console of a machine on the wire.

import { Type } from 'typebox';
import type { MachineId } from '../domain/ids.ts';
import { NullableDateTime, NullableString, resource } from './envelope.ts';
import { define, idParams } from './operation.ts';

const MachineConsole = resource(
  'machine_console',
  'MachineConsole',
  Type.Object({
    shown: NullableString(
      'At most 16 KiB, without control characters; null when no start has failed',
    ),
    kept_at: NullableDateTime('When the start was given up'),
  }),
);

export const consoleOperations = {
  machineConsole: define({
    method: 'GET',
    path: '/machines/{id}/console',
    tag: 'Machines',
    summary:
      'Show the end of what a machine showed on its console when its last failed start was given up',
    permission: 'machines:read',
    params: idParams<MachineId>(),
    response: MachineConsole.properties,
    errors: ['not_found'],
    extension: true,
  }),
} as const;
