// The assignment of images to machines, between the wire and the application.

import { imageAssign, imageAssignUndo } from '../../app/assignment.ts';
import type { Handlers } from '../handler.ts';

export const assignmentHandlers: Handlers<'imageAssign' | 'imageAssignUndo'> = {
  async imageAssign(context, { params, body }) {
    await imageAssign(context, params.id, body.machine_ids);
    return {};
  },
  async imageAssignUndo(context, { params, body }) {
    const machines = await imageAssignUndo(context, params.id, body.machine_ids);
    return { count: machines.length };
  },
};
