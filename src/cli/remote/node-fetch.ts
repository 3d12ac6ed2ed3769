// Sends the requests of the command line by node:http and node:https. Node's own fetch takes longer
// to load than all else that a command needs.

import type { ClientRequest, IncomingMessage } from 'node:http';
import type { ClientOptions, Reply, Sending } from '../../client/client.ts';
import { NoAnswerError } from '../../client/errors.ts';

/** The longest answer that is read as text: more than any page of the API has. */
const textBytesMax = 256 * 1024 * 1024;

/**
 * The module by which an address is reached. An import of it would read each of its exports, and
 * the one for web sockets loads what fetch is made of.
 */
const moduleFor = ({ protocol }: URL) =>
  protocol === 'https:'
    ? process.getBuiltinModule('node:https')
    : process.getBuiltinModule('node:http');

/** Sends a request as fetch does, without following a redirection. */
export const nodeFetch: NonNullable<ClientOptions['fetch']> = (url, sending) =>
  new Promise((resolve, reject) => {
    const { method, body, signal } = sending;
    const headers = {
      ...sending.headers,
      ...(body && { 'content-length': String(body.length) }),
    };
    const request: ClientRequest = moduleFor(url).request(url, {
      method,
      headers,
      ...(signal && { signal }),
    });
    request.once('response', (answer) => resolve(replyOf(url, answer, sending)));
    // It stays, because a connection can also fail after the answer has begun.
    request.on('error', (error) => reject(signal?.aborted ? signal.reason : error));
    request.end(body);
  });

function replyOf({ origin }: URL, answer: IncomingMessage, { signal }: Sending): Reply {
  const status = answer.statusCode ?? 0;
  return {
    ok: status >= 200 && status < 300,
    status,
    headers: {
      get(name) {
        const value = answer.headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(', ') : (value ?? null);
      },
    },
    body: answer,
    async text() {
      try {
        return await textOf(origin, answer);
      } catch (error) {
        throw signal?.aborted ? signal.reason : error;
      }
    },
  };
}

/** Throws NoAnswerError for a text that is too long, as soon as that is known. */
async function textOf(url: string, body: IncomingMessage): Promise<string> {
  const assertShort = (bytes: number) => {
    if (bytes <= textBytesMax) return;
    body.destroy();
    throw new NoAnswerError(url, 'long', `more than ${textBytesMax / 1024 ** 2} MB`);
  };
  assertShort(Number(body.headers['content-length'] ?? 0));
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    assertShort(bytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
