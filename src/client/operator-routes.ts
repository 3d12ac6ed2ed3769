// The method and the path of each operation of the operator's API.
// Printed from src/contract/operator/table.ts; do not edit it. Type: npm run contract

import type { OperatorOperations } from './operator-types.ts';
import type { Route } from './routes.ts';

export const operatorRoutes: Readonly<Record<keyof OperatorOperations, Route>> = {
  organisationList: { method: 'GET', path: '/operator/organisations', extension: true },
  organisationGeneralize: {
    method: 'POST',
    path: '/operator/organisations/generalize',
    extension: true,
  },
  organisationQuotaSet: { method: 'POST', path: '/operator/organisations/quota', extension: true },
  keyList: { method: 'GET', path: '/operator/keys', extension: true },
  keyCreate: { method: 'POST', path: '/operator/keys', extension: true },
  keyRotate: { method: 'POST', path: '/operator/keys/{id}/rotate', extension: true },
  keyRevoke: { method: 'POST', path: '/operator/keys/{id}/revoke', extension: true },
  machineTypeList: { method: 'GET', path: '/operator/machine-types', extension: true },
  machineTypeAdd: { method: 'POST', path: '/operator/machine-types', extension: true },
  storageGet: { method: 'GET', path: '/operator/storage', extension: true },
  doctor: { method: 'GET', path: '/operator/doctor', extension: true },
  doctorDeep: { method: 'POST', path: '/operator/doctor', extension: true },
  auditList: { method: 'GET', path: '/operator/audit', extension: true },
  layerList: { method: 'GET', path: '/operator/layers', extension: true },
  layerVerify: { method: 'POST', path: '/operator/layers/verify', extension: true },
  cacheList: { method: 'GET', path: '/operator/cache', extension: true },
  cachePrune: { method: 'POST', path: '/operator/cache/prune', extension: true },
  uploadList: { method: 'GET', path: '/operator/uploads', extension: true },
  uploadOpen: { method: 'POST', path: '/operator/uploads', extension: true },
  uploadGet: { method: 'GET', path: '/operator/uploads/{id}', extension: true },
  uploadPart: {
    method: 'POST',
    path: '/operator/uploads/{id}/parts/{offset}',
    content: 'request',
    extension: true,
  },
  uploadRemove: { method: 'DELETE', path: '/operator/uploads/{id}', extension: true },
  baseList: { method: 'GET', path: '/operator/bases', extension: true },
  baseGet: { method: 'GET', path: '/operator/bases/{id}', extension: true },
  baseAdd: { method: 'POST', path: '/operator/bases', extension: true },
  baseTry: { method: 'POST', path: '/operator/bases/{id}/try', extension: true },
  softwareList: { method: 'GET', path: '/operator/software', extension: true },
  softwareAdd: { method: 'POST', path: '/operator/software', extension: true },
  softwareUpdate: { method: 'POST', path: '/operator/software/{id}', extension: true },
  machineList: { method: 'GET', path: '/operator/machines', extension: true },
  machineExec: { method: 'POST', path: '/operator/machines/{id}/exec', extension: true },
  memberList: { method: 'GET', path: '/operator/members', extension: true },
  errandGet: { method: 'GET', path: '/operator/errands/{id}', extension: true },
  errandCancel: { method: 'POST', path: '/operator/errands/{id}/cancel', extension: true },
};
