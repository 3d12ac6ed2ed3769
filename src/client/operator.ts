// The client of the operator's API, for the command line. The published client is without it,
// because a program that works for one organisation has no key for it.

import { type Arguments, type ClientOptions, methodsOf, sendFields } from './client.ts';
import { operatorRoutes } from './operator-routes.ts';
import type { OperatorOperations } from './operator-types.ts';
import { type Moving, type Read, uploadTo } from './transfer.ts';
import type { Envelope } from './types.ts';

/** A method for each operation, as in `Client`. */
export type OperatorClient = {
  [Name in keyof OperatorOperations as OperatorOperations[Name] extends { content: string }
    ? never
    : Name]: (
    ...given: Arguments<OperatorOperations[Name]['input']>
  ) => Promise<OperatorOperations[Name]['answer'] & Envelope>;
};

export const createOperatorClient = (options: ClientOptions): OperatorClient =>
  methodsOf(
    options,
    Object.entries(operatorRoutes).filter(([, { content }]) => !content),
  ) as OperatorClient;

/** Sends what the server lacks of a file whose upload is open. Throws like `upload`. */
export const sendUpload = (
  client: OperatorClient,
  options: ClientOptions,
  id: string,
  read: Read,
  moving: Moving = {},
): Promise<void> =>
  uploadTo(
    {
      async state(signal) {
        const { received_bytes: done, size_bytes: total } = await client.uploadGet(
          { id },
          { signal },
        );
        return { done, total };
      },
      send: (offset, content, signal) =>
        sendFields(options, operatorRoutes.uploadPart, { id, offset }, { content, signal }),
    },
    options,
    read,
    moving,
  );
