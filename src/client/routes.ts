// The method and the path of each operation, and whether its body or its answer is bytes.
// Printed from src/contract/table.ts; do not edit it. Type: npm run contract

import type { Operations } from './types.ts';

export const pathPrefix = '/organization-management/v1';

/** The header, with its value, by which a caller asks for fields of Silversmith's own. */
export const extensionsHeader = { name: 'Silversmith-Extensions', value: '1' };

/** A change that is sent again with the same value of this header is done once. */
export const idempotencyHeader = 'Idempotency-Key';

/** The most bytes of a file in one request. */
export const transferPartBytesMax = 4194304;

export interface Route {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  content?: 'request' | 'response' | 'stream';
  extension?: true;
}

export const routes: Readonly<Record<keyof Operations, Route>> = {
  imageList: { method: 'GET', path: '/images' },
  imageGet: { method: 'GET', path: '/images/{id}' },
  imageCapture: { method: 'POST', path: '/images' },
  imageInstall: { method: 'POST', path: '/images/install' },
  imageDelete: { method: 'DELETE', path: '/images/{id}' },
  imageCancel: { method: 'POST', path: '/images/{id}/cancel', extension: true },
  imageRestore: { method: 'POST', path: '/images/{id}/restore', extension: true },
  imageProtect: { method: 'POST', path: '/images/{id}/protection', extension: true },
  imageTemplatesSet: { method: 'POST', path: '/images/{id}/templates', extension: true },
  imageLog: { method: 'GET', path: '/images/{id}/log', extension: true },
  imageAssign: { method: 'POST', path: '/images/{id}/assign' },
  imageAssignUndo: { method: 'POST', path: '/images/{id}/assign/undo', extension: true },
  imageStorage: { method: 'GET', path: '/images/{id}/storage', extension: true },
  imageDependents: { method: 'GET', path: '/images/{id}/dependents', extension: true },
  imagePackages: { method: 'GET', path: '/images/{id}/packages', extension: true },
  imagePackagesRead: { method: 'POST', path: '/images/{id}/packages', extension: true },
  imageSbom: { method: 'GET', path: '/images/{id}/sbom', extension: true },
  imageDiff: { method: 'GET', path: '/images/{id}/diff', extension: true },
  imageExport: { method: 'POST', path: '/images/{id}/export', extension: true },
  imageImport: { method: 'POST', path: '/images/import', extension: true },
  transferList: { method: 'GET', path: '/transfers', extension: true },
  transferGet: { method: 'GET', path: '/transfers/{id}', extension: true },
  transferPart: {
    method: 'POST',
    path: '/transfers/{id}/parts/{offset}',
    content: 'request',
    extension: true,
  },
  transferFinish: { method: 'POST', path: '/transfers/{id}/finish', extension: true },
  transferContent: {
    method: 'GET',
    path: '/transfers/{id}/content',
    content: 'response',
    extension: true,
  },
  transferDelete: { method: 'DELETE', path: '/transfers/{id}', extension: true },
  machineList: { method: 'GET', path: '/machines' },
  machineGet: { method: 'GET', path: '/machines/{id}' },
  machineCreate: { method: 'POST', path: '/machines' },
  machineDelete: { method: 'DELETE', path: '/machines/{id}', extension: true },
  machineUndelete: { method: 'POST', path: '/machines/{id}/undelete', extension: true },
  machineStart: { method: 'POST', path: '/machines/{id}/start' },
  machineStop: { method: 'POST', path: '/machines/{id}/stop' },
  machineReset: { method: 'POST', path: '/machines/{id}/reset' },
  planList: { method: 'GET', path: '/plans', extension: true },
  machineTypeList: { method: 'GET', path: '/machines/{id}/available-machine-types' },
  machineTypeSet: { method: 'POST', path: '/machines/{id}/machine-type' },
  machinePermissionFields: { method: 'GET', path: '/machines/permission-fields' },
  machinePermissionsSet: { method: 'POST', path: '/machines/{id}/permissions' },
  machineForwardList: { method: 'GET', path: '/machines/{id}/forwards', extension: true },
  machineForwardAdd: { method: 'POST', path: '/machines/{id}/forwards', extension: true },
  machineForwardRemove: {
    method: 'DELETE',
    path: '/machines/{id}/forwards/{forward}',
    extension: true,
  },
  machineDiskList: { method: 'GET', path: '/machines/{id}/disks', extension: true },
  machineRestore: { method: 'POST', path: '/machines/{id}/restore', extension: true },
  machineConsole: { method: 'GET', path: '/machines/{id}/console', extension: true },
  machineScreen: {
    method: 'GET',
    path: '/machines/{id}/screen.png',
    content: 'response',
    extension: true,
  },
  machineAccess: { method: 'POST', path: '/machines/{id}/access' },
  fileList: { method: 'GET', path: '/files' },
  fileCapacity: { method: 'GET', path: '/files/capacity' },
  machineFileList: { method: 'GET', path: '/machines/{id}/files' },
  softwareList: { method: 'GET', path: '/software' },
  usageGet: { method: 'GET', path: '/usage', extension: true },
  keyList: { method: 'GET', path: '/keys', extension: true },
  keyCreate: { method: 'POST', path: '/keys', extension: true },
  keyRotate: { method: 'POST', path: '/keys/{id}/rotate', extension: true },
  keyRevoke: { method: 'POST', path: '/keys/{id}/revoke', extension: true },
  userActionLogList: { method: 'GET', path: '/user-action-logs' },
  eventList: { method: 'GET', path: '/events', content: 'stream', extension: true },
  webhookList: { method: 'GET', path: '/webhooks', extension: true },
  webhookCreate: { method: 'POST', path: '/webhooks', extension: true },
  webhookGet: { method: 'GET', path: '/webhooks/{id}', extension: true },
  webhookUpdate: { method: 'POST', path: '/webhooks/{id}', extension: true },
  webhookRotate: { method: 'POST', path: '/webhooks/{id}/rotate', extension: true },
  webhookDelete: { method: 'DELETE', path: '/webhooks/{id}', extension: true },
  webhookPing: { method: 'POST', path: '/webhooks/{id}/ping', extension: true },
  webhookDeliveryList: { method: 'GET', path: '/webhooks/{id}/deliveries', extension: true },
  webhookRedeliver: {
    method: 'POST',
    path: '/webhooks/{id}/deliveries/{delivery}/redeliver',
    extension: true,
  },
};
