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
  auditList: { method: 'GET', path: '/operator/audit', extension: true },
  layerList: { method: 'GET', path: '/operator/layers', extension: true },
  cacheList: { method: 'GET', path: '/operator/cache', extension: true },
  cachePrune: { method: 'POST', path: '/operator/cache/prune', extension: true },
  offerList: { method: 'GET', path: '/operator/offers', extension: true },
  offerRetire: { method: 'POST', path: '/operator/offers/{kind}/{id}/retirement', extension: true },
  offerRemove: { method: 'DELETE', path: '/operator/offers/{kind}/{id}', extension: true },
  baseNewestSet: { method: 'POST', path: '/operator/bases/{id}/newest', extension: true },
};
