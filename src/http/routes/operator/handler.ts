// The shape of an operator's handler, and how an errand is shown.

import type { OperatorRequest } from '../../../app/operator/request.ts';
import type {
  OperatorAnswer,
  OperatorInput,
  OperatorOperationName,
} from '../../../contract/operator/table.ts';
import type { Errand } from '../../../domain/errand.ts';
import { wireErrorOf } from '../../errors.ts';
import { dateTime } from '../../handler.ts';

/** The bytes of the request come beside its parts. */
export type OperatorHandlers = {
  [Name in OperatorOperationName]: (
    request: OperatorRequest,
    input: OperatorInput<Name> & { content: Buffer },
  ) => Promise<OperatorAnswer<Name>>;
};

type ShownErrand = OperatorAnswer<'errandGet'>;
type Result = NonNullable<ShownErrand['result']>;

export function presentErrand({ id, action, phase, failure, ...errand }: Errand): ShownErrand {
  const { status, clientCode } = wireErrorOf(failure?.code ?? 'internal');
  return {
    ...{ id, action, phase, status: errand.status },
    failure: failure && { client_code: clientCode, status, message: failure.message },
    // The server itself has kept it.
    result: errand.result as Result | null,
    begun_at: dateTime(errand.begunAt),
  };
}

/** Begins an errand for the key that signed the request. */
export const begun = async (
  { errands, keyId }: OperatorRequest,
  action: string,
  run: (signal: AbortSignal, say: (phase: string) => void) => Promise<Result>,
): Promise<ShownErrand> => presentErrand(await errands.begin(keyId, action, run));
