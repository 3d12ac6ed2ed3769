// A reader of event streams over real sockets, written from the specification of server-sent events
// and not from our own client.

import { createHmac, randomUUID } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { defer, type Scope, waitFor } from '../support.ts';
import { startHarness } from './harness.ts';
import type { Key } from './requests.ts';

export interface Frame {
  id: string;
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events of every shape
  data: any;
}

export interface Heard {
  status: number;
  headers: IncomingMessage['headers'];
  frames: Frame[];
  /** The last id of the stream, also of one without an event. */
  lastId(): string;
  comments(): number;
  text(): string;
  isOver(): boolean;
  pause(): void;
  resume(): void;
  close(): void;
  /** Waits for a frame, from the first one on. */
  until(what: string, isIt: (frame: Frame) => boolean): Promise<Frame>;
}

function parse(text: string): { frames: Frame[]; lastId: string; comments: number } {
  const frames: Frame[] = [];
  let [lastId, comments] = ['', 0];
  for (const block of text.split('\n\n').slice(0, -1)) {
    let [event, data] = ['message', ''];
    for (const line of block.split('\n')) {
      const [, name, value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      if (name === '') comments++;
      if (name === 'id') lastId = value;
      if (name === 'event') event = value;
      if (name === 'data') data += value;
    }
    if (data !== '') frames.push({ id: lastId, event, data: JSON.parse(data) });
  }
  return { frames, lastId, comments };
}

interface Asked {
  method?: string;
  query?: string;
  path?: string;
  lastEventId?: string;
  body?: string;
  as?: Key;
}

/** A harness that listens, and a function that listens to its events. */
export async function hearing(t: Scope, options: Parameters<typeof startHarness>[1] = {}) {
  const h = await startHarness(t, { reconcile: false, ...options });
  await h.service.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = h.service.app.server.address() as AddressInfo;
  const hear = (asked: Asked = {}) => listen(t, port, { as: h.keys.ours, ...asked });
  return { h, port, hear };
}

export function listen(
  t: Scope,
  port: number,
  { method = 'GET', path = '/events', query = '', lastEventId, body = '', as }: Asked,
): Promise<Heard> {
  const { key = '', secret = '' } = as ?? {};
  const [nonce, timestamp, whole] = [randomUUID(), String(Date.now()), pathPrefix + path];
  const signature = createHmac('sha256', secret)
    .update(`${key}${method}${whole}${timestamp}${nonce}${body}`)
    .digest('hex');
  const { promise, resolve, reject } = Promise.withResolvers<Heard>();
  const asking = request(
    {
      ...{ port, method, path: whole + query, agent: false },
      headers: {
        authorization: `HMAC ${key}:${signature}:${nonce}:${timestamp}`,
        ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
        ...(body !== '' && { 'content-length': String(body.length) }),
      },
    },
    (answer) => {
      let [text, isOver] = ['', false];
      answer.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      answer.on('close', () => {
        isOver = true;
      });
      answer.on('error', () => {});
      const heard: Heard = {
        status: answer.statusCode ?? 0,
        headers: answer.headers,
        get frames() {
          return parse(text).frames;
        },
        lastId: () => parse(text).lastId,
        comments: () => parse(text).comments,
        text: () => text,
        isOver: () => isOver,
        pause: () => void answer.pause(),
        resume: () => void answer.resume(),
        close: () => void answer.destroy(),
        until: (what, isIt) => waitFor(what, () => heard.frames.find(isIt)),
      };
      resolve(heard);
    },
  );
  asking.on('error', reject);
  defer(t, () => asking.destroy());
  asking.end(body);
  return promise;
}
