// The operator's API on the wire: what the operator's commands do, for keys of the kind `operator`.
// It is our own, and no part of the API of organisations: it has a prefix of its own, and is answered
// to callers on the server's host unless the operator says otherwise.

import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox';
import type { LayerId } from '../domain/ids.ts';
import { DateTime, Id, NullableDateTime, NullableString, Text } from './envelope.ts';
import { define, nothing } from './operation.ts';
import {
  Body,
  Count,
  gbMax,
  Key,
  keyParams,
  Layer,
  Limit,
  layersMax,
  MachineType,
  Organisation,
  Quotas,
  quotasOf,
  Secret,
} from './operator-parts.ts';

export const operatorPrefix = '/operator/v1';

const tag = 'Operator';

export const operatorOperations = {
  organisationList: define({
    method: 'GET',
    path: '/organisations',
    tag,
    summary: 'List the organisations, what they have and may have',
    permission: 'operator:read',
    response: {
      organisations: Type.Array(
        Type.Object({
          id: Id('Organisation'),
          name: Type.String(),
          quotas: Quotas,
          used: Type.Object({
            images: Count(),
            machines: Count(),
            builds: Count(),
            stored_gb: Count(),
          }),
        }),
      ),
    },
    errors: [],
  }),
  organisationQuotaSet: define({
    method: 'POST',
    path: '/organisations/quotas',
    tag,
    summary: 'Change what an organisation may have at most; what is left out stays',
    permission: 'operator:organisations',
    body: Body({ ...Organisation, ...quotasOf(Limit) }),
    response: { quotas: Quotas },
    errors: ['not_found'],
  }),
  organisationGeneralize: define({
    method: 'POST',
    path: '/organisations/generalize',
    tag,
    summary: 'Say whether captures are generalised when nothing else is asked for',
    permission: 'operator:organisations',
    body: Body({ ...Organisation, on: Type.Boolean() }),
    response: nothing,
    errors: ['not_found'],
  }),
  keyList: define({
    method: 'GET',
    path: '/keys',
    tag,
    summary: 'List the keys, without their secrets',
    permission: 'operator:read',
    response: { keys: Type.Array(Key) },
    errors: [],
  }),
  keyCreate: define({
    method: 'POST',
    path: '/keys',
    tag,
    summary: 'Make a key of an organisation, which is made when there is none of that name',
    permission: 'operator:keys',
    body: Body({
      ...Organisation,
      name: Text(100, 'What the key is for'),
      permissions: Type.Array(Type.String({ maxLength: 100 }), { minItems: 1, maxItems: 100 }),
      expires_in: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 36_500 * 86_400, description: 'Seconds' }),
      ),
    }),
    response: Secret,
    errors: [],
  }),
  keyRotate: define({
    method: 'POST',
    path: '/keys/{id}/rotate',
    tag,
    summary: 'Make a key of an organisation in place of another, which goes on for a while',
    permission: 'operator:keys',
    params: keyParams,
    body: Body({
      overlap: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 36_500 * 86_400, description: 'Seconds; a day' }),
      ),
    }),
    response: { ...Secret, replaced_until: DateTime('Until when the old key works') },
    errors: ['not_found'],
  }),
  keyRevoke: define({
    method: 'DELETE',
    path: '/keys/{id}',
    tag,
    summary: 'Refuse a key from now on',
    permission: 'operator:keys',
    params: keyParams,
    response: nothing,
    errors: ['not_found'],
  }),
  machineTypeList: define({
    method: 'GET',
    path: '/machine-types',
    tag,
    summary: 'List the machine types',
    permission: 'operator:read',
    response: { machine_types: Type.Array(Type.Object(MachineType)) },
    errors: [],
  }),
  machineTypeAdd: define({
    method: 'POST',
    path: '/machine-types',
    tag,
    summary: 'Add a machine type',
    permission: 'operator:catalogue',
    body: Body({
      name: Text(100, 'The name, which no other has'),
      cpus: Type.Integer({ minimum: 1, maximum: 255 }),
      memory_mb: Type.Integer({ minimum: 1, maximum: 16 * 1024 ** 2 }),
      disk_size: Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'GB' }),
    }),
    response: MachineType,
    errors: [],
  }),
  storageGet: define({
    method: 'GET',
    path: '/storage',
    tag,
    summary: 'Show the bytes that each kind of thing takes',
    permission: 'operator:read',
    response: { storage: Type.Array(Type.Object({ name: Type.String(), bytes: Count() })) },
    errors: [],
  }),
  layerList: define({
    method: 'GET',
    path: '/layers',
    tag,
    summary: 'List the layers',
    permission: 'operator:read',
    response: { layers: Type.Array(Layer) },
    errors: [],
  }),
  layerVerify: define({
    method: 'POST',
    path: '/layers/verify',
    tag,
    summary: 'Read layers and compare them with their digests; a damaged one is quarantined',
    permission: 'operator:storage',
    body: Body({
      layer_ids: Type.Array(Type.Unsafe<LayerId>({ type: 'string', maxLength: 100 }), {
        minItems: 1,
        maxItems: layersMax,
      }),
    }),
    response: {
      layers: Type.Array(Type.Object({ id: Type.String(), result: Type.String() })),
    },
    errors: ['not_found'],
  }),
  cacheList: define({
    method: 'GET',
    path: '/cache',
    tag,
    summary: 'List the installed steps that builds find again, the one used longest ago first',
    permission: 'operator:read',
    response: { layers: Type.Array(Layer) },
    errors: [],
  }),
  cachePrune: define({
    method: 'POST',
    path: '/cache/prune',
    tag,
    summary: 'Let the least recently used steps go until the rest takes no more than this',
    permission: 'operator:storage',
    body: Body({ keep_gb: Type.Number({ minimum: 0, maximum: gbMax }) }),
    response: { layer_ids: Type.Array(Type.String()), bytes: Count() },
    errors: [],
  }),
  doctor: define({
    method: 'GET',
    path: '/doctor',
    tag,
    summary: 'Compare the store with the host, and name a cure for what does not fit',
    permission: 'operator:read',
    response: {
      findings: Type.Array(
        Type.Object({
          severity: Type.String(),
          subject: Type.String(),
          found: Type.String(),
          cure: Type.String(),
        }),
      ),
    },
    errors: [],
  }),
  auditList: define({
    method: 'GET',
    path: '/audit',
    tag,
    summary: 'List the newest changes of operators',
    permission: 'operator:read',
    query: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })) }),
    response: {
      entries: Type.Array(
        Type.Object({
          id: Type.Integer(),
          operator: Type.String(),
          action: Type.String(),
          thing: Type.String(),
          outcome: Type.String(),
          reason: NullableString('Why it was refused or failed'),
          created_at: DateTime('When it was begun'),
          ended_at: NullableDateTime('When it ended'),
        }),
      ),
    },
    errors: [],
  }),
} as const;

type Operations = typeof operatorOperations;
export type OperatorOperationName = keyof Operations;
export const operatorOperationNames = Object.keys(operatorOperations) as OperatorOperationName[];

type Part<Name extends OperatorOperationName, Key extends 'params' | 'query' | 'body'> =
  Operations[Name] extends Record<Key, infer Schema extends TSchema>
    ? Static<Schema>
    : Record<never, never>;

export interface OperatorInput<Name extends OperatorOperationName> {
  params: Part<Name, 'params'>;
  query: Part<Name, 'query'>;
  body: Part<Name, 'body'>;
}

export type OperatorAnswer<Name extends OperatorOperationName> = Static<
  TObject<Operations[Name]['response'] & TProperties>
>;
