// The public contract as one table: every operation's path, permission, inputs, answer and errors.
// The router, the validation, the serialisation, the client's types and api/openapi.json are all
// read from it.

import type { Static, TObject, TSchema } from 'typebox';
import type { Plain } from '../domain/ids.ts';
import { accessOperations } from './access.ts';
import { assignmentOperations } from './assignment.ts';
import { auditOperations } from './audit.ts';
import { consoleOperations } from './console.ts';
import { diskOperations } from './disk.ts';
import type { WireErrorName } from './errors.ts';
import { fileOperations } from './file.ts';
import { imageOperations } from './image.ts';
import { layerOperations } from './layer.ts';
import { machineOperations } from './machine.ts';
import { machinePermissionOperations } from './machine-permission.ts';
import { machineTypeOperations } from './machine-type.ts';
import type { OperationSpec } from './operation.ts';
import { organisationOperations } from './organisation.ts';
import { softwareOperations } from './software.ts';
import { transferOperations } from './transfer.ts';

export const operations = {
  ...imageOperations,
  ...assignmentOperations,
  ...layerOperations,
  ...transferOperations,
  ...machineOperations,
  ...machineTypeOperations,
  ...machinePermissionOperations,
  ...diskOperations,
  ...consoleOperations,
  ...accessOperations,
  ...fileOperations,
  ...softwareOperations,
  ...organisationOperations,
  ...auditOperations,
} as const;

type Operations = typeof operations;
export type OperationName = keyof Operations;

type StaticOf<Schema> = Schema extends TSchema ? Static<Schema> : Record<never, never>;

/** All that an operation can refuse with: its own, and what every one can. */
export const refusalsOf = ({ method, body, errors }: OperationSpec): WireErrorName[] => [
  ...new Set<WireErrorName>([
    ...(['invalid', 'unauthenticated', 'permission_required', 'too_many_requests'] as const),
    ...(method === 'GET' ? [] : (['timed_out', 'conflict', 'too_large'] as const)),
    ...(body ? (['not_json'] as const) : []),
    ...errors,
    ...(['internal', 'unavailable'] as const),
  ]),
];

/** The parts of a request, typed; a part that an operation does not have is empty. */
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

/** The operations whose bodies and answers are JSON, and those of which one is bytes. */
type ContentOperationName = {
  [Name in OperationName]: Operations[Name] extends { content: string } ? Name : never;
}[OperationName];
export type JsonOperationName = Exclude<OperationName, ContentOperationName>;

/** What a successful answer adds to its own fields. */
export interface Envelope {
  client_code: number;
  message: string;
  timestamp: string;
}
