// A request of a scenario and its answer. The server that takes over must answer the same request
// the same, so each is kept with its Idempotency-Key.

import { send } from '../../src/client/client.ts';
import type { WantedRequest } from './scenario.ts';

export interface Exchange {
  wanted: WantedRequest;
  idempotencyKey: string;
  /** Undefined: the server died before it answered. */
  answer: unknown;
}

interface Target {
  url: string;
  key: { key: string; secret: string };
}

/** Sends a request. Throws ApiError when it is refused; another error when no answer comes. */
export async function ask(
  { key, url }: Target,
  { name, input, content }: WantedRequest,
  idempotencyKey: string,
): Promise<{ answer: unknown; replayed: boolean }> {
  const headers = { 'idempotency-key': idempotencyKey };
  const response = await send({ url, ...key }, name, input as never, {
    headers,
    ...(content && { content }),
  });
  return {
    answer: JSON.parse(await response.text()),
    replayed: response.headers.get('idempotent-replayed') === 'true',
  };
}
