// Follows what Incus does in the background. The event stream of Incus says when an operation has
// ended. An event is only a hint: the operation itself is asked then, and asked from time to time
// without a hint, so that a lost stream or a lost event delays and changes nothing.

import { setTimeout as wait } from 'node:timers/promises';
import type { TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { WebSocket } from 'ws';
import { failedForNow } from '../../domain/error.ts';
import { Operation, OperationEvent, parseAnswer } from './answer.ts';
import type { Ask, IncusClient } from './client.ts';
import { refusalOf } from './error.ts';

const success = 200;
/** How often an operation is asked without a hint; a stream makes up for a long pause. */
const pollMs = { withStream: 5000, without: 500 };
const operationMs = 60 * 60_000;
const eventBytesMax = 4 * 1024 ** 2;
const reconnectMs = 2000;

/** `/1.0/operations/ID?query` as id and path. */
function partsOf(operation: string): { id: string; path: string } {
  const [path = ''] = operation.split('?');
  return { id: path.split('/').at(-1) ?? '', path: operation };
}

export class Operations {
  readonly #client: IncusClient;
  readonly #waiting = new Map<string, () => void>();
  #stream: WebSocket | null = null;
  #streamAt = 0;

  constructor(client: IncusClient) {
    this.#client = client;
  }

  /**
   * Makes a request and waits until Incus has done all of it. Returns the metadata. `isDone` says
   * whether the work is done, for an operation that Incus forgot because it was started again;
   * without it such an operation has failed for now.
   */
  async run(
    method: 'PUT' | 'PATCH' | 'POST' | 'DELETE',
    path: string,
    signal: AbortSignal,
    ask: Ask = {},
    isDone: () => Promise<boolean> = async () => false,
  ): Promise<unknown> {
    this.#connect();
    const answer = await this.#client.ask(method, path, signal, ask);
    if (answer.operation === null) return answer.metadata;
    const ended = await this.end(answer.operation, signal);
    if (ended !== null) return ended.metadata;
    if (await isDone()) return null;
    throw failedForNow('Incus was started again while it worked on this; it is tried again.', {
      detail: `${method} ${path}`,
    });
  }

  /** Waits for the end of an operation; null when Incus does not know it. Throws its error. */
  async end(operation: string, signal: AbortSignal): Promise<Operation | null> {
    const { id, path } = partsOf(operation);
    const until = performance.now() + operationMs;
    let hinted = this.#hint(id);
    try {
      while (performance.now() < until) {
        const found = await this.#client.find(Operation, path, signal);
        if (found === null) return null;
        const { status_code, err, status } = found.value;
        if (status_code === success) return found.value;
        if (status_code > success) throw refusalOf(status_code, err || status, path);
        const pause = this.#isOpen() ? pollMs.withStream : pollMs.without;
        const pausing = new AbortController();
        await Promise.race([
          hinted,
          wait(pause, undefined, { signal: AbortSignal.any([signal, pausing.signal]) }),
        ]).catch(() => signal.throwIfAborted());
        pausing.abort();
        hinted = this.#hint(id);
      }
    } finally {
      this.#waiting.delete(id);
    }
    throw failedForNow('Incus did not end this in time; it is looked at again.', { detail: path });
  }

  /** The tasks that run on an instance now; not the commands in its guest. */
  async runningOn(instance: string, signal: AbortSignal): Promise<string[]> {
    return (await this.#list(signal)).flatMap((operation) => {
      const on = Object.values(operation.resources ?? {}).flat();
      const isHere = on.some((path) => path?.split('?')[0]?.endsWith(`/instances/${instance}`));
      const isTask = operation.class === 'task';
      return isHere && isTask && operation.status_code < success
        ? [`/1.0/operations/${operation.id}`]
        : [];
    });
  }

  /** Whether Incus moves instances between its members, as an administrator has asked for. */
  async isMoving(signal: AbortSignal): Promise<boolean> {
    const running = (await this.#list(signal)).filter(({ status_code }) => status_code < success);
    return running.some(({ description }) => /cluster member|healing/i.test(description));
  }

  close(): void {
    this.#stream?.terminate();
    this.#stream = null;
  }

  async #list(signal: AbortSignal): Promise<Operation[]> {
    const query = { recursion: '1' };
    const { metadata } = await this.#client.ask('GET', '/1.0/operations', signal, { query });
    const lists: unknown[] = Object.values(metadata ?? {}).flat();
    return lists.map((one) => parseAnswer(Operation, one, 'GET /1.0/operations'));
  }

  #hint(id: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  #isOpen = () => this.#stream?.readyState === WebSocket.OPEN;

  /** Connects the stream when it is not connected; not more often than every two seconds. */
  #connect(): void {
    const now = performance.now();
    if (this.#stream !== null || (this.#streamAt !== 0 && now - this.#streamAt < reconnectMs))
      return;
    this.#streamAt = now;
    const { websocket } = this.#client.endpoint;
    const path = this.#client.target('/1.0/events', { type: 'operation' });
    const options = { ...websocket.options, maxPayload: eventBytesMax, perMessageDeflate: false };
    const stream = new WebSocket(`${websocket.origin}${path}`, options);
    this.#stream = stream;
    const over = () => {
      if (this.#stream === stream) this.#stream = null;
      for (const wake of this.#waiting.values()) wake();
    };
    stream.on('error', over);
    stream.on('close', over);
    stream.on('message', (data) => {
      const event = eventOf(OperationEvent, data.toString());
      if (event && event.metadata.status_code >= success) this.#waiting.get(event.metadata.id)?.();
    });
  }
}

function eventOf<Shape extends TSchema>(shape: Shape, text: string) {
  try {
    const value: unknown = JSON.parse(text);
    return Check(shape, value) ? value : null;
  } catch {
    return null;
  }
}
