// The client of the operator's API, for the command line. The published client is without it, because
// a program that works for one organisation has no key for it.

import { type Arguments, type ClientOptions, methodsOf } from './client.ts';
import { operatorRoutes } from './operator-routes.ts';
import type { OperatorOperations } from './operator-types.ts';
import type { Envelope } from './types.ts';

/** A method for each operation, as in `Client`. */
export type OperatorClient = {
  [Name in keyof OperatorOperations]: (
    ...given: Arguments<OperatorOperations[Name]['input']>
  ) => Promise<OperatorOperations[Name]['answer'] & Envelope>;
};

export const createOperatorClient = (options: ClientOptions): OperatorClient =>
  methodsOf(options, Object.entries(operatorRoutes)) as OperatorClient;
