// The assignment of images to machines, and its undo, on the wire.

import { Type } from 'typebox';
import type { ImageId, MachineId } from '../domain/ids.ts';
import { Id } from './envelope.ts';
import { define, idParams, nothing } from './operation.ts';

export const assignmentOperations = {
  imageAssign: define({
    method: 'POST',
    path: '/images/{id}/assign',
    tag: 'Images',
    summary: 'Assign an image to machines; their disks are recreated from it at their next start',
    permission: 'images:write',
    action: 'image_assigned',
    params: idParams<ImageId>(),
    body: Type.Object({
      machine_ids: Type.Array(Id<MachineId>('Machine ID'), {
        minItems: 1,
        maxItems: 1000,
        description: 'Machines to assign the image to; duplicates count once; all or nothing',
      }),
    }),
    response: nothing,
    errors: [
      'not_found',
      'machines_not_found',
      'image_not_available',
      'machine_not_assignable',
      'image_too_large',
    ],
  }),
  imageAssignUndo: define({
    method: 'POST',
    path: '/images/{id}/assign/undo',
    tag: 'Images',
    summary:
      'Take an assignment back: machines get the disk, or the assignment, that they had before',
    permission: 'images:write',
    action: 'image_assignment_undone',
    params: idParams<ImageId>(),
    body: Type.Object({
      machine_ids: Type.Optional(
        Type.Array(Id<MachineId>('Machine ID'), {
          minItems: 1,
          maxItems: 1000,
          description: 'Default: every machine to which the image is assigned',
        }),
      ),
    }),
    response: { count: Type.Integer({ description: 'Machines that were changed' }) },
    errors: ['not_found', 'machines_not_found', 'machine_not_ready', 'conflict'],
    extension: true,
  }),
} as const;
