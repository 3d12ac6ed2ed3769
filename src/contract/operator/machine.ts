// Machines of all organisations, and the members of a cluster, for operators on the wire.

import { Type } from 'typebox';
import type { MachineId } from '../../domain/ids.ts';
import { Id } from '../envelope.ts';
import { errandFields } from './errand.ts';
import { afterQuery, defineOperator, next } from './operation.ts';

const Machine = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  organisation_id: Type.Integer(),
  status: Type.String({ description: 'As its organisation sees it' }),
});

export const machineOperations = {
  machineList: defineOperator({
    method: 'GET',
    path: '/operator/machines',
    summary: 'List the machines of all organisations, oldest first',
    query: Type.Object(afterQuery),
    response: { machines: Type.Array(Machine), next },
    errors: [],
  }),
  machineExec: defineOperator({
    method: 'POST',
    path: '/operator/machines/{id}/exec',
    summary: 'Begin to run a command inside a machine, as its root, for two minutes at most',
    permission: 'operator:exec',
    params: Type.Object({ id: Id<MachineId>('ID of the machine') }),
    body: Type.Object({
      command: Type.Array(Type.String({ maxLength: 64 * 1024 }), {
        minItems: 1,
        maxItems: 1000,
        description: 'A program of the guest and its arguments; no shell is put around them',
      }),
    }),
    response: errandFields,
    errors: [],
  }),
  memberList: defineOperator({
    method: 'GET',
    path: '/operator/members',
    summary: 'List the hosts that machines have disks on, and whether they answer',
    response: {
      members: Type.Array(
        Type.Object({
          name: Type.String(),
          answers: Type.Boolean({ description: 'False: what runs there is not known' }),
          disks: Type.Integer({ description: 'Disks of machines that are there' }),
        }),
      ),
    },
    errors: [],
  }),
} as const;
