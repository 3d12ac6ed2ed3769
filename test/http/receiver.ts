// A receiver of webhooks on this host, and the stack that tells it of events.

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { defer, movableClock, type Scope } from '../support.ts';
import { settled } from './settled.ts';

interface Arrived {
  headers: IncomingHttpHeaders;
  body: string;
  path: string;
}

/** A receiver that answers as `answer` says; 200 without it. */
export async function receiver(t: Scope) {
  const arrived: Arrived[] = [];
  const settings: { answer: (response: ServerResponse, one: Arrived) => void } = {
    answer: (response) => void response.end(),
  };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const one = { headers: request.headers, body, path: request.url ?? '' };
      arrived.push(one);
      settings.answer(response, one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const url = (path = '/') => `http://127.0.0.1:${port}${path}`;
  const told = () => arrived.map(({ body }) => JSON.parse(body));
  return { arrived, settings, url, told };
}

/** A clock that stands, so that no task is due by its time again. */
export function standingClock(): Clock {
  const now = Date.now();
  return { ...systemClock, now: () => now, monotonic: () => 0 };
}

export async function withWebhooks(
  t: Scope,
  webhooksMayAskInside = true,
  options: Parameters<typeof settled>[1] = {},
) {
  const { clock, advance, jump } = movableClock();
  const all = await settled(t, { clock, settings: { webhooksMayAskInside }, ...options });
  const { h } = all;
  const create = async (url: string, more: object = {}) =>
    (await h.call('webhookCreate', { body: { url, ...more } })).body;
  const deliver = () => h.service.reconciler.task('deliver');
  const deliveries = async (id: string, state?: string) => {
    const query = state === undefined ? '' : `?state=${state}`;
    const { body } = await h.call('webhookDeliveryList', { params: { id }, query });
    return body.deliveries.map(({ attributes }: { attributes: object }) => attributes);
  };
  return { ...all, advance, jump, create, deliver, deliveries };
}
