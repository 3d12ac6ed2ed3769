// The operator's API: each operation translates between the wire and a function of app/operator.

import {
  type OperatorApi,
  organisationKeyCreate,
  organisationKeyRotate,
} from '../../app/operator/api.ts';
import { auditList } from '../../app/operator/audit.ts';
import { cacheList, cachePrune } from '../../app/operator/cache.ts';
import type { Operator } from '../../app/operator/context.ts';
import { doctor } from '../../app/operator/doctor.ts';
import { isOperatorKey, keyList, keyRevoke } from '../../app/operator/key.ts';
import { layerList, layerVerify } from '../../app/operator/layer.ts';
import { machineTypeAdd, machineTypeList } from '../../app/operator/machine-type.ts';
import {
  organisationGeneralize,
  organisationList,
  organisationQuotaSet,
} from '../../app/operator/organisation.ts';
import { storageGet } from '../../app/operator/storage.ts';
import type {
  OperatorAnswer,
  OperatorInput,
  OperatorOperationName,
} from '../../contract/operator.ts';
import { dateOrNull, dateTime } from '../handler.ts';

export interface OperatorContext {
  api: OperatorApi;
  /** Null for a read. */
  operator: Operator | null;
  /** Aborts when the caller hangs up. */
  signal: AbortSignal;
}

type Handlers = {
  [Name in OperatorOperationName]: (
    context: OperatorContext,
    input: OperatorInput<Name>,
  ) => Promise<OperatorAnswer<Name>>;
};

const dayS = 86_400;
const entriesDefault = 100;

/** The operator of a change. */
function by({ operator }: OperatorContext): Operator {
  if (operator === null) throw new TypeError('a read changes nothing');
  return operator;
}

type Quotas = Awaited<ReturnType<typeof organisationQuotaSet>>;
const presentQuotas = ({ images, machines, builds, storedGb, keptGb }: Quotas) => ({
  ...{ images, machines, builds },
  stored_gb: storedGb,
  kept_gb: keptGb,
});

type Layer = Awaited<ReturnType<typeof layerList>>['layers'][number];
const presentLayer = ({ id, kind, state, parentId, storedBytes, verifiedAt, fault }: Layer) => ({
  ...{ id, kind, state, fault },
  parent_id: parentId,
  stored_bytes: storedBytes,
  verified_at: dateOrNull(verifiedAt),
});

type MachineType = Awaited<ReturnType<typeof machineTypeList>>[number];
const presentType = ({ id, name, cpus, memoryMb, diskSizeGb }: MachineType) => ({
  ...{ id, name, cpus },
  memory_mb: memoryMb,
  disk_size: diskSizeGb,
});

type Key = Awaited<ReturnType<typeof keyList>>[number];
const presentKey = (key: Key) => ({
  id: key.id,
  organisation_id: key.organisationId,
  name: key.name,
  kind: isOperatorKey(key) ? ('operator' as const) : ('organisation' as const),
  permissions: key.permissions,
  created_at: dateTime(key.createdAt),
  expires_at: dateOrNull(key.expiresAt),
  revoked_at: dateOrNull(key.revokedAt),
  last_used_at: dateOrNull(key.lastUsedAt),
});

/** The fields that are given. */
const given = <Value>(fields: Record<string, Value | undefined>): Record<string, Value> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );

export const operatorHandlers: Handlers = {
  async organisationList({ api }) {
    const organisations = await organisationList(api.store);
    return {
      organisations: organisations.map(
        ({ id, name, quotas, images, machines, builds, storedGb }) => ({
          ...{ id, name, quotas: presentQuotas(quotas) },
          used: { images, machines, builds, stored_gb: storedGb },
        }),
      ),
    };
  },
  async organisationQuotaSet(context, { body }) {
    const { organisation, images, machines, builds, stored_gb, kept_gb } = body;
    const wanted = given({ images, machines, builds, storedGb: stored_gb, keptGb: kept_gb });
    return { quotas: presentQuotas(await organisationQuotaSet(by(context), organisation, wanted)) };
  },
  async organisationGeneralize(context, { body }) {
    await organisationGeneralize(by(context), body.organisation, body.on);
    return {};
  },
  async keyList({ api }) {
    return { keys: (await keyList(api.store)).map(presentKey) };
  },
  async keyCreate(context, { body: { organisation, name, permissions, expires_in: seconds } }) {
    const expiresAt = seconds === undefined ? null : context.api.clock.now() + seconds * 1000;
    const key = { organisation, name, permissions, expiresAt };
    return { ...(await organisationKeyCreate(context.api, by(context), key)) };
  },
  async keyRotate(context, { params, body: { overlap = dayS } }) {
    const made = await organisationKeyRotate(context.api, by(context), params.id, overlap * 1000);
    return { key: made.key, secret: made.secret, replaced_until: dateTime(made.replacedUntil) };
  },
  async keyRevoke(context, { params }) {
    await keyRevoke(by(context), params.id);
    return {};
  },
  async machineTypeList({ api }) {
    return { machine_types: (await machineTypeList(api.store)).map(presentType) };
  },
  async machineTypeAdd(context, { body: { name, cpus, memory_mb, disk_size } }) {
    const code = name.toLowerCase();
    const type = { name, code, cpus, memoryMb: memory_mb, diskSizeGb: disk_size };
    return presentType({ ...type, ...(await machineTypeAdd(by(context), type)) });
  },
  async storageGet({ api }) {
    const found = await storageGet(api.store, api.engine());
    return { storage: found.map(([name, bytes]) => ({ name, bytes })) };
  },
  async layerList({ api }) {
    return { layers: (await layerList(api.store)).layers.map(presentLayer) };
  },
  async layerVerify(context, { body }) {
    const { api, signal } = context;
    return { layers: await layerVerify(by(context), api.engine(), body.layer_ids, signal) };
  },
  async cacheList({ api }) {
    return { layers: (await cacheList(api.store)).map(presentLayer) };
  },
  async cachePrune(context, { body }) {
    const { steps, bytes } = await cachePrune(by(context), body.keep_gb * 1024 ** 3);
    return { layer_ids: steps, bytes };
  },
  async doctor({ api }) {
    const { store, masterKey, clock } = api;
    return { findings: await doctor({ store, masterKey, clock, engine: api.engine() }) };
  },
  async auditList({ api }, { query: { limit = entriesDefault } }) {
    const entries = await auditList(api.store, limit);
    return {
      entries: entries.map(({ createdAt, endedAt, ...entry }) => ({
        ...entry,
        created_at: dateTime(createdAt),
        ended_at: dateOrNull(endedAt),
      })),
    };
  },
};
