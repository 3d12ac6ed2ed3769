// The handlers of all operations, collected from the nouns. The compiler asks for each operation
// that has no handler here.

import type { ChangeHandlers, ReadHandlers, Stages } from './handler.ts';
import { accessHandlers } from './routes/access.ts';
import { assignmentHandlers } from './routes/assignment.ts';
import { auditHandlers } from './routes/audit.ts';
import { consoleHandlers } from './routes/console.ts';
import { diskHandlers } from './routes/disk.ts';
import { fileHandlers } from './routes/file.ts';
import { imageHandlers } from './routes/image.ts';
import { keyHandlers } from './routes/key.ts';
import { layerHandlers } from './routes/layer.ts';
import { machineHandlers } from './routes/machine.ts';
import { machineForwardHandlers } from './routes/machine-forward.ts';
import { machinePermissionHandlers } from './routes/machine-permission.ts';
import { machineTypeHandlers } from './routes/machine-type.ts';
import { organisationHandlers } from './routes/organisation.ts';
import { packageListHandlers } from './routes/package-list.ts';
import { screenHandlers } from './routes/screen.ts';
import { softwareHandlers } from './routes/software.ts';
import { transferHandlers, transferStages } from './routes/transfer.ts';
import { webhookHandlers } from './routes/webhook.ts';

const handlers = {
  ...accessHandlers,
  ...assignmentHandlers,
  ...auditHandlers,
  ...consoleHandlers,
  ...diskHandlers,
  ...fileHandlers,
  ...imageHandlers,
  ...keyHandlers,
  ...layerHandlers,
  ...packageListHandlers,
  ...machineHandlers,
  ...machineForwardHandlers,
  ...machinePermissionHandlers,
  ...machineTypeHandlers,
  ...organisationHandlers,
  ...screenHandlers,
  ...softwareHandlers,
  ...transferHandlers,
  ...webhookHandlers,
};

export const readHandlers: ReadHandlers = handlers;
export const changeHandlers: ChangeHandlers = handlers;
export const stages: Stages = transferStages;
