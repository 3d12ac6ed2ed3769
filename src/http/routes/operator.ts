// The operator's operations between the wire and the functions of the operator.

import { auditList } from '../../app/operator/audit.ts';
import { cacheList, cachePrune } from '../../app/operator/cache.ts';
import { doctor } from '../../app/operator/doctor.ts';
import { keyCreate, keyPage, keyRevoke, keyRotate } from '../../app/operator/key.ts';
import { layerPage, orphanList } from '../../app/operator/layer.ts';
import { layerBoard } from '../../app/operator/layer-board.ts';
import { machineTypeAdd, machineTypeList } from '../../app/operator/machine-type.ts';
import { baseNewestSet, offerList, offerRemove, offerRetire } from '../../app/operator/offer.ts';
import {
  organisationGeneralize,
  organisationList,
  organisationQuotaSet,
  organisationTemplatesSet,
} from '../../app/operator/organisation.ts';
import { storageGet } from '../../app/operator/storage.ts';
import { invalid } from '../../domain/error.ts';
import {
  type MachineNetwork,
  networkHelp,
  parseMachineNetwork,
} from '../../domain/machine-network.ts';
import type { Quotas } from '../../domain/organisation.ts';
import { givenPolicy } from '../../domain/template.ts';
import { fromWire, toWire } from '../../lib/wire-form.ts';
import { dateTime, timeIn } from '../handler.ts';
import { catalogueHandlers } from './operator/catalogue.ts';
import { errandHandlers } from './operator/errand.ts';
import type { OperatorHandlers } from './operator/handler.ts';
import { templateHandlers } from './operator/template.ts';
import { uploadHandlers } from './operator/upload.ts';

const dayS = 86_400;
const pageLimit = 100;

/** After which id the next page begins; null when this one is the last. */
const nextOf = (page: readonly { id: string }[], limit: number) =>
  page.length < limit ? null : (page.at(-1)?.id ?? null);

/** The server that answers has the lock of its directory, so no other one is to be kept away. */
const noLock = async () => null;

export const operatorHandlers: OperatorHandlers = {
  ...uploadHandlers,
  ...catalogueHandlers,
  ...errandHandlers,
  ...templateHandlers,
  organisationList: async ({ store }) => ({
    organisations: toWire(await organisationList(store)),
  }),
  async organisationGeneralize({ operator }, { body: { name, on } }) {
    await organisationGeneralize(operator, name, on);
    return {};
  },
  async organisationTemplatesSet({ operator, engine }, { body: { name, templates } }) {
    await organisationTemplatesSet(operator, engine(), name, givenPolicy(templates));
    return {};
  },
  async organisationQuotaSet({ operator }, { body: { name, ...given } }) {
    return toWire(await organisationQuotaSet(operator, name, fromWire<Partial<Quotas>>(given)));
  },
  async keyList({ store }, { query: { after = null, limit = pageLimit } }) {
    const found = await keyPage(store, after, limit);
    return { keys: toWire(found), next: nextOf(found, limit) };
  },
  keyCreate: ({ operator, masterKey }, { body }) =>
    keyCreate(operator, masterKey, {
      organisation: body.organisation,
      name: body.name,
      permissions: body.permissions,
      isOnly: body.only ?? false,
      expiresAt: timeIn('expires_at', body.expires_at),
    }),
  async keyRotate({ operator, masterKey }, { params, body }) {
    const { overlap_seconds: overlapS = dayS } = body;
    const made = await keyRotate(operator, masterKey, params.id, overlapS * 1000, noLock);
    const { replacedUntil, ...rest } = made;
    return { ...rest, replaced_until: dateTime(replacedUntil) };
  },
  async keyRevoke({ operator, keyId }, { params, body: { itself = false } }) {
    await keyRevoke(operator, params.id, { by: keyId, itself });
    return {};
  },
  machineTypeList: async ({ store }) => ({
    machine_types: toWire(await machineTypeList(store)),
  }),
  machineTypeAdd: ({ operator }, { body: { name, code, cpus, network, ...sizes } }) =>
    machineTypeAdd(operator, {
      ...{ name, code, cpus },
      memoryMb: sizes.memory_mb,
      diskSizeGb: sizes.disk_size_gb,
      network: network === undefined ? null : networkOf(network),
    }),
  async storageGet({ store, engine }) {
    const { sizes, guests } = await storageGet(store, engine());
    return {
      sizes: sizes.map(([what, bytes]) => ({ what, bytes })),
      memory_mb: guests?.memoryMb ?? 0,
      memory_mb_limit: guests?.memoryMbMost ?? null,
      cpus: guests?.cpus ?? 0,
      cpus_limit: guests?.cpusMost ?? null,
    };
  },
  doctor: async ({ engine, ...patient }) => ({
    findings: await doctor({ ...patient, engine: engine() }),
  }),
  auditList: async ({ store }, { query: { limit = 100 } }) => ({
    entries: toWire(await auditList(store, limit)),
  }),
  async layerList({ store }, { query: { after = null, limit = pageLimit } }) {
    const found = await layerPage(store, after, limit);
    const orphans = after === null ? await orphanList(store) : [];
    return { layers: toWire(found), orphans: toWire(orphans), next: nextOf(found, limit) };
  },
  layerBoard: async ({ operator, engine }, { params, body }) =>
    toWire(await layerBoard(operator, engine(), params.id, body.board)),
  cacheList: async ({ store }) => ({ steps: toWire(await cacheList(store)) }),
  offerList: async ({ store }) => ({ offers: toWire(await offerList(store)) }),
  offerRetire: async ({ operator }, { params: { kind, id }, body: { retired } }) =>
    toWire(await offerRetire(operator, kind, id, retired)),
  async offerRemove({ operator }, { params: { kind, id } }) {
    await offerRemove(operator, kind, id);
    return {};
  },
  baseNewestSet: async ({ operator }, { params: { id }, body: { allowed } }) =>
    toWire(await baseNewestSet(operator, id, allowed)),
  cachePrune: ({ operator }, { body: { keep_bytes: keepBytes = 0 } }) =>
    cachePrune(operator, keepBytes),
};

function networkOf(text: string): MachineNetwork {
  const network = parseMachineNetwork(text);
  if (network === null) throw invalid(`network is ${JSON.stringify(text)}; give ${networkHelp}.`);
  return network;
}
