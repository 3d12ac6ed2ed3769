// The method and the path of each operation, and whether its body or its answer is bytes.
// Printed from src/contract/table.ts; do not edit it. Type: npm run contract

import type { OperationSpec } from '../contract/operation.ts';
import type { OperationName } from '../contract/table.ts';

export const pathPrefix = '/organization-management/v1';

/** The most bytes of a file in one request. */
export const transferPartBytesMax = 4194304;

export type Route = Pick<OperationSpec, 'method' | 'path' | 'content'>;

export const routes: Readonly<Record<OperationName, Route>> = {
  imageList: { method: 'GET', path: '/images' },
  imageGet: { method: 'GET', path: '/images/{id}' },
  imageCapture: { method: 'POST', path: '/images' },
  imageInstall: { method: 'POST', path: '/images/install' },
  imageDelete: { method: 'DELETE', path: '/images/{id}' },
  imageRestore: { method: 'POST', path: '/images/{id}/restore' },
  imageProtect: { method: 'POST', path: '/images/{id}/protection' },
  imageLog: { method: 'GET', path: '/images/{id}/log' },
  imageAssign: { method: 'POST', path: '/images/{id}/assign' },
  imageAssignUndo: { method: 'POST', path: '/images/{id}/assign/undo' },
  imageStorage: { method: 'GET', path: '/images/{id}/storage' },
  imageDependents: { method: 'GET', path: '/images/{id}/dependents' },
  imageExport: { method: 'POST', path: '/images/{id}/export' },
  imageImport: { method: 'POST', path: '/images/import' },
  transferGet: { method: 'GET', path: '/transfers/{id}' },
  transferPart: { method: 'POST', path: '/transfers/{id}/parts/{offset}', content: 'request' },
  transferFinish: { method: 'POST', path: '/transfers/{id}/finish' },
  transferContent: { method: 'GET', path: '/transfers/{id}/content', content: 'response' },
  transferDelete: { method: 'DELETE', path: '/transfers/{id}' },
  machineList: { method: 'GET', path: '/machines' },
  machineGet: { method: 'GET', path: '/machines/{id}' },
  machineCreate: { method: 'POST', path: '/machines' },
  machineStart: { method: 'POST', path: '/machines/{id}/start' },
  machineStop: { method: 'POST', path: '/machines/{id}/stop' },
  machineReset: { method: 'POST', path: '/machines/{id}/reset' },
  planList: { method: 'GET', path: '/plans' },
  machineTypeList: { method: 'GET', path: '/machines/{id}/available-machine-types' },
  machineTypeSet: { method: 'POST', path: '/machines/{id}/machine-type' },
  machinePermissionFields: { method: 'GET', path: '/machines/permission-fields' },
  machinePermissionsSet: { method: 'POST', path: '/machines/{id}/permissions' },
  machineDiskList: { method: 'GET', path: '/machines/{id}/disks' },
  machineRestore: { method: 'POST', path: '/machines/{id}/restore' },
  machineConsole: { method: 'GET', path: '/machines/{id}/console' },
  machineAccess: { method: 'POST', path: '/machines/{id}/access' },
  fileList: { method: 'GET', path: '/files' },
  fileCapacity: { method: 'GET', path: '/files/capacity' },
  machineFileList: { method: 'GET', path: '/machines/{id}/files' },
  softwareList: { method: 'GET', path: '/software' },
  usageGet: { method: 'GET', path: '/usage' },
  userActionLogList: { method: 'GET', path: '/user-action-logs' },
  eventList: { method: 'GET', path: '/events', content: 'stream' },
};
