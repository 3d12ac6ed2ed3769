// A careful client: each call has an Idempotency-Key, and is repeated under it until an answer
// comes. Every answer is kept in the history.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { send } from '../../src/client/client.ts';
import { ApiError } from '../../src/client/errors.ts';
import type { JsonOperationName } from '../../src/contract/table.ts';
import type { Call } from './history.ts';

const answerMs = 90_000;
const tryMs = 10_000;
const betweenMs = 20;

export interface Caller {
  history: Call[];
  /** How many calls were answered only after the server had died in between. */
  repeated(): number;
  /** Calls until an answer comes. Throws when none comes within 90 s. */
  call(name: JsonOperationName, input: object, url?: () => string): Promise<Call>;
}

export function callerOf(
  defaultUrl: () => string,
  { key, secret }: { key: string; secret: string },
): Caller {
  const history: Call[] = [];
  return {
    history,
    repeated: () => history.filter(({ requestIds }) => requestIds.length > 1).length,
    async call(name, input, url = defaultUrl) {
      const idempotencyKey = randomUUID();
      const requestIds: string[] = [];
      const invokedAt = performance.now();
      const record = (code: number, status: number, answer: unknown): Call => {
        const completedAt = performance.now();
        const done = { name, input, invokedAt, completedAt, code, status, answer, requestIds };
        history.push(done);
        return done;
      };
      while (true) {
        const requestId = `soak-${randomUUID()}`;
        requestIds.push(requestId);
        try {
          const headers = { 'idempotency-key': idempotencyKey, 'x-request-id': requestId };
          const target = { url: url(), key, secret, timeoutMs: tryMs };
          const response = await send(target, name, input as never, { headers });
          return record(200, 200, JSON.parse(await response.text()));
        } catch (error) {
          if (error instanceof ApiError && error.status !== 503)
            return record(error.clientCode, error.status, { message: error.message });
          if (performance.now() - invokedAt > answerMs) throw error;
          await sleep(betweenMs);
        }
      }
    },
  };
}
