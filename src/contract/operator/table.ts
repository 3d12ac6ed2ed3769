// The operator's API as one table, beside that of organisations. Its names are those of the
// functions in `app/operator`; where both tables have a name, a document has `operator.` before it.

import type { Static, TObject, TSchema } from 'typebox';
import type { OperationSpec } from '../operation.ts';
import { catalogueOperations } from './catalogue.ts';
import { errandOperations } from './errand.ts';
import { hostOperations } from './host.ts';
import { keyOperations } from './key.ts';
import { layerOperations } from './layer.ts';
import { machineOperations } from './machine.ts';
import { machineTypeOperations } from './machine-type.ts';
import { offerOperations } from './offer.ts';
import { organisationOperations } from './organisation.ts';
import { templateOperations } from './template.ts';
import { uploadOperations } from './upload.ts';

const operatorOperations = {
  ...organisationOperations,
  ...keyOperations,
  ...machineTypeOperations,
  ...hostOperations,
  ...layerOperations,
  ...uploadOperations,
  ...catalogueOperations,
  ...machineOperations,
  ...errandOperations,
  ...offerOperations,
  ...templateOperations,
} as const;

type Operations = typeof operatorOperations;
export type OperatorOperationName = keyof Operations;

const isName = (name: string): name is OperatorOperationName =>
  Object.hasOwn(operatorOperations, name);
export const operatorOperationNames: readonly OperatorOperationName[] =
  Object.keys(operatorOperations).filter(isName);

/** The row of an operation, with all its parts. */
export const operatorSpecOf = (name: OperatorOperationName): OperationSpec =>
  operatorOperations[name];

type PartOf<Name extends OperatorOperationName, Part extends string> =
  Operations[Name] extends Record<Part, infer Schema extends TSchema>
    ? Static<Schema>
    : Record<never, never>;

/** The parts of a request, which were checked against the schemas. */
export interface OperatorInput<Name extends OperatorOperationName> {
  params: PartOf<Name, 'params'>;
  query: PartOf<Name, 'query'>;
  body: PartOf<Name, 'body'>;
}

export type OperatorAnswer<Name extends OperatorOperationName> = Static<
  TObject<Operations[Name]['response']>
>;
