// Links that open a machine once, on the wire.

import { Type } from 'typebox';
import type { MachineId } from '../domain/ids.ts';
import { DateTime, resource } from './envelope.ts';
import { define, idParams } from './operation.ts';

const MachineAccess = resource(
  'access',
  'MachineAccess',
  Type.Object({
    uid: Type.String(),
    connection_link: Type.String({
      description:
        'Opens the machine once; shown here only. GET at the link shows the id, name and state of the machine and uses nothing up; POST there answers the same, and uses the link up; its session opens websockets below /access/SESSION: screen and console',
    }),
    expires_at: DateTime('Until when the link is good'),
  }),
);

export const accessOperations = {
  machineAccess: define({
    method: 'POST',
    path: '/machines/{id}/access',
    tag: 'Machines',
    summary: 'Make a link that opens a ready machine once',
    permission: 'machines:power',
    action: 'machine_external_access_created',
    params: idParams<MachineId>(),
    body: Type.Object({
      expires_in: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 86_400,
          description: 'Seconds for which the link is good. Default: 3600',
        }),
      ),
    }),
    numbersAsText: true,
    response: MachineAccess.properties,
    errors: ['not_found', 'machine_not_ready'],
  }),
} as const;
