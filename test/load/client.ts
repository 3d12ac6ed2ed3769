// A client that is fast enough to load a server from one process: it keeps its connections, and
// makes signatures without waiting.

import { createHmac, randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { pathPrefix } from '../../src/contract/envelope.ts';
import type { OperationSpec } from '../../src/contract/operation.ts';
import { formatAuthorization, signedHead } from '../../src/contract/signing.ts';
import { type JsonOperationName, operations } from '../../src/contract/table.ts';

export interface LoadRequest {
  name: JsonOperationName;
  /** The id in the path. */
  id?: number;
  query?: string;
  body?: unknown;
}

export interface LoadAnswer {
  /** The HTTP status; 0: no answer came. */
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  body: any;
  ms: number;
}

export function loadClient(
  { url, key, secret }: { url: string; key: string; secret: string },
  connections: number,
) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const { hostname, port } = new URL(url);
  return {
    /** Sends a request. Never throws: when no answer comes, the status is 0. */
    ask({ name, id, query = '', body }: LoadRequest): Promise<LoadAnswer> {
      const { method, path: pattern }: OperationSpec = operations[name];
      const path = pathPrefix + pattern.replace('{id}', String(id));
      const text = body === undefined ? '' : JSON.stringify(body);
      const [nonce, timestamp] = [randomUUID(), String(Date.now())];
      const signature = createHmac('sha256', secret)
        .update(signedHead({ key, method, path, timestamp, nonce }) + text)
        .digest('hex');
      const headers = {
        authorization: formatAuthorization({ key, signature, nonce, timestamp }),
        ...(text !== '' && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
        }),
      };
      const begun = performance.now();
      return new Promise((resolve) => {
        const end = (status: number, answer: string) => {
          let parsed: unknown = null;
          try {
            parsed = JSON.parse(answer);
          } catch {
            // Not JSON: the text is the body.
          }
          resolve({ status, body: parsed ?? answer, ms: performance.now() - begun });
        };
        const sent = request(
          { agent, hostname, port, method, path: path + query, headers },
          (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.on('end', () =>
              end(response.statusCode ?? 0, Buffer.concat(chunks).toString()),
            );
            response.on('error', (error) => end(0, String(error)));
          },
        );
        sent.on('error', (error) => end(0, String(error)));
        sent.end(text);
      });
    },
    close: () => agent.destroy(),
  };
}
