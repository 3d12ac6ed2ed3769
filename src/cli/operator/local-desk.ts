// The operator's functions on the data directory of this host.

import { auditList } from '../../app/operator/audit.ts';
import { baseAdd, baseGet, baseList, baseTry } from '../../app/operator/base.ts';
import { baseHeal } from '../../app/operator/base-heal.ts';
import { cacheList, cachePrune } from '../../app/operator/cache.ts';
import { doctor } from '../../app/operator/doctor.ts';
import { keyCreate, keyList, keyRevoke, keyRotate } from '../../app/operator/key.ts';
import { layerList, layerVerify } from '../../app/operator/layer.ts';
import { layerBoard } from '../../app/operator/layer-board.ts';
import { machineExec, machineList, memberList } from '../../app/operator/machine.ts';
import { machineTypeAdd, machineTypeList } from '../../app/operator/machine-type.ts';
import { baseNewestSet, offerList, offerRemove, offerRetire } from '../../app/operator/offer.ts';
import {
  organisationGeneralize,
  organisationList,
  organisationQuotaSet,
  organisationTemplatesSet,
} from '../../app/operator/organisation.ts';
import { softwareAdd, softwareList, softwareUpdate } from '../../app/operator/software.ts';
import { storageGet } from '../../app/operator/storage.ts';
import { templateDelete, templateList, templateMake } from '../../app/operator/template.ts';
import { systemClock } from '../../lib/clock.ts';
import { interruptible } from '../interruptible.ts';
import type { Desk } from './desk.ts';
import type { Opened } from './options.ts';

/** The functions on an open data directory. */
export const localDesk = ({ store, masterKey, operator, openEngine, config }: Opened): Desk => ({
  organisationList: () => organisationList(store),
  organisationGeneralize: (name, on) => organisationGeneralize(operator, name, on),
  organisationQuotaSet: (name, given) => organisationQuotaSet(operator, name, given),
  keyList: () => keyList(store),
  keyCreate: (given) => keyCreate(operator, masterKey, given),
  async keyRotate(id, overlapMs) {
    const { tryExclusive } = await import('../../server/exclusive.ts');
    return keyRotate(operator, masterKey, id, overlapMs, () => tryExclusive(config));
  },
  keyRevoke: (id) => keyRevoke(operator, id),
  machineTypeList: () => machineTypeList(store),
  baseList: () => baseList(store),
  baseGet: async (id) => baseGet(store, await openEngine(), id),
  async baseAdd(base) {
    const engine = await openEngine();
    const added = await interruptible((signal) => baseAdd(operator, engine, base, signal));
    const { warnings } = await baseGet(store, engine, added.id);
    return { added, warnings };
  },
  async baseHeal(id, from) {
    const engine = await openEngine();
    return interruptible((signal) => baseHeal(operator, engine, id, from, signal));
  },
  async baseTry(id, timeoutMs) {
    const engine = await openEngine();
    return interruptible((signal) => baseTry(operator, engine, id, timeoutMs, signal));
  },
  softwareList: () => softwareList(store),
  async softwareAdd(title) {
    const engine = await openEngine();
    return interruptible((signal) => softwareAdd(operator, engine, title, signal));
  },
  async softwareUpdate(id, title) {
    const engine = await openEngine();
    return interruptible((signal) => softwareUpdate(operator, engine, id, title, signal));
  },
  organisationTemplatesSet: async (name, policy) =>
    organisationTemplatesSet(operator, await openEngine(), name, policy),
  templateList: () => templateList(store),
  templateMake: async (imageId, machineTypeId) =>
    templateMake(operator, await openEngine(), { imageId, machineTypeId }),
  templateDelete: (id) => templateDelete(operator, id),
  machineList: () => machineList(store),
  machineExec: async (id, command) => machineExec(operator, await openEngine(), id, command),
  memberList: async () => memberList(await openEngine()),
  machineTypeAdd: (type) => machineTypeAdd(operator, type),
  offerList: () => offerList(store),
  offerRetire: (kind, id, retired) => offerRetire(operator, kind, id, retired),
  offerRemove: (kind, id) => offerRemove(operator, kind, id),
  baseNewestSet: (id, allowed) => baseNewestSet(operator, id, allowed),
  storageGet: async () => storageGet(store, await openEngine()),
  async doctor(deep) {
    const engine = await openEngine();
    if (deep) await interruptible((signal) => layerVerify(operator, engine, [], signal));
    return doctor({ store, masterKey, engine, clock: systemClock });
  },
  layerList: () => layerList(store),
  layerBoard: async (id, board) => layerBoard(operator, await openEngine(), id, board),
  async layerVerify(ids) {
    const engine = await openEngine();
    return interruptible((signal) => layerVerify(operator, engine, ids, signal));
  },
  cacheList: () => cacheList(store),
  cachePrune: (keepBytes) => cachePrune(operator, keepBytes),
  auditList: (limit) => auditList(store, limit),
});
