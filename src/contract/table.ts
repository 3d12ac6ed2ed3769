// The public contract as one table: the path, permission, inputs, answer and errors of each
// operation. The router, the validation, the serialisation, the types of the client and
// api/openapi.json are all read from it. Each noun's file has its own rows.

import type { Static, TObject, TSchema } from 'typebox';
import type { Plain } from '../domain/ids.ts';
import { accessOperations } from './access.ts';
import { assignmentOperations } from './assignment.ts';
import { auditOperations } from './audit.ts';
import { consoleOperations } from './console.ts';
import { diskOperations } from './disk.ts';
import type { WireErrorName } from './errors.ts';
import { eventOperations } from './event.ts';
import { fileOperations } from './file.ts';
import { imageOperations } from './image.ts';
import { keyOperations } from './key.ts';
import { layerOperations } from './layer.ts';
import { machineOperations } from './machine.ts';
import { machineForwardOperations } from './machine-forward.ts';
import { machinePermissionOperations } from './machine-permission.ts';
import { machineTypeOperations } from './machine-type.ts';
import { canStream, type OperationSpec } from './operation.ts';
import { organisationOperations } from './organisation.ts';
import { packageListOperations } from './package-list.ts';
import { screenOperations } from './screen.ts';
import { softwareOperations } from './software.ts';
import { transferOperations } from './transfer.ts';
import { webhookOperations } from './webhook.ts';

export const operations = {
  ...imageOperations,
  ...assignmentOperations,
  ...layerOperations,
  ...packageListOperations,
  ...transferOperations,
  ...machineOperations,
  ...machineTypeOperations,
  ...machinePermissionOperations,
  ...machineForwardOperations,
  ...diskOperations,
  ...consoleOperations,
  ...screenOperations,
  ...accessOperations,
  ...fileOperations,
  ...softwareOperations,
  ...organisationOperations,
  ...keyOperations,
  ...auditOperations,
  ...eventOperations,
  ...webhookOperations,
} as const;

type Operations = typeof operations;
export type OperationName = keyof Operations;

/** The names of operations whose rows have the part. */
type Having<Part> = {
  [Name in OperationName]: Operations[Name] extends Part ? Name : never;
}[OperationName];

/** The operations that only read, and those that change something. */
export type ReadName = Having<{ method: 'GET' }>;
export type ChangeName = Exclude<OperationName, ReadName>;
/** The operations that answer with a file, and those whose bodies and answers are both JSON. */
export type FileName = Having<{ content: 'response' }>;
/** The operations that may answer with a stream of events, and the reads that may do otherwise. */
export type StreamName = Having<{ content: 'stream' }> | Having<{ mayFollow: true }>;
export type AnswerName = Exclude<ReadName, Having<{ content: 'stream' }>>;
export type JsonOperationName = Exclude<OperationName, Having<{ content: string }>>;

export const isStreamName = (name: ReadName): name is StreamName => canStream(operations[name]);
export const isAnswerName = (name: ReadName): name is AnswerName =>
  specOf(name).content !== 'stream';

const isOperationName = (name: string): name is OperationName => Object.hasOwn(operations, name);
/** The row of an operation, with all its parts. */
export const specOf = (name: OperationName): OperationSpec => operations[name];

export const isReadName = (name: OperationName): name is ReadName =>
  operations[name].method === 'GET';
export const operationNames: readonly OperationName[] =
  Object.keys(operations).filter(isOperationName);

type StaticOf<Schema> = Schema extends TSchema ? Static<Schema> : Record<never, never>;

/** The refusals of an operation: its own, and those that every operation has. */
export const refusalsOf = ({ method, body, errors }: OperationSpec): WireErrorName[] => [
  ...new Set<WireErrorName>([
    ...(['invalid', 'unauthenticated', 'permission_required', 'too_many_requests'] as const),
    ...(method === 'GET' ? [] : (['timed_out', 'conflict', 'too_large'] as const)),
    ...(body ? (['not_json'] as const) : []),
    ...errors,
    ...(['internal', 'unavailable'] as const),
  ]),
];

/** The parts of a request, with branded ids; a part that an operation does not have is empty. */
export type Params<Name extends OperationName> = StaticOf<
  Operations[Name] extends { params: infer P } ? P : undefined
>;
export type Query<Name extends OperationName> = StaticOf<
  Operations[Name] extends { query: infer Q } ? Q : undefined
>;
export type Body<Name extends OperationName> = StaticOf<
  Operations[Name] extends { body: infer B } ? B : undefined
>;

/** All fields of a request in one object, as a caller gives them: its ids have no brands. */
export type Fields<Name extends OperationName> = Plain<Params<Name> & Query<Name> & Body<Name>>;

/** The answer's own fields, without the envelope. */
export type Answer<Name extends OperationName> = Static<TObject<Operations[Name]['response']>>;

/** The fields that every answer has beside its own. */
export interface Envelope {
  client_code: number;
  message: string;
  timestamp: string;
}
