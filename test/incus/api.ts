// A minimal client of an Incus daemon's socket, for the tests' own questions and preparations. It
// is no part of the engine, which has a client of its own.

import { createReadStream } from 'node:fs';
import { request } from 'node:http';

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the shape differs for each path
  metadata: any;
  operation: string;
  error: string;
}

interface Body {
  json?: object;
  file?: string;
  headers?: Record<string, string>;
}

const limitMs = 120_000;

export type IncusApi = ReturnType<typeof incusApi>;

export function incusApi(socketPath: string) {
  /** Asks once. Resolves to any answer of the daemon; rejects when there is none. */
  const ask = (
    method: string,
    path: string,
    { json, file, headers }: Body = {},
    timeoutMs = limitMs,
  ) =>
    new Promise<Answer>((resolve, reject) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const options = { socketPath, method, path, signal, headers: { ...headers } };
      const asked = request(options, async (response) => {
        try {
          const body = JSON.parse(Buffer.concat(await response.toArray()).toString());
          const { metadata, operation = '', error = '' } = body;
          resolve({ status: response.statusCode ?? 0, metadata, operation, error });
        } catch (error) {
          reject(error);
        }
      });
      asked.on('error', reject);
      if (file === undefined) asked.end(json && JSON.stringify(json));
      else createReadStream(file).on('error', reject).pipe(asked);
    });

  /** Asks, waits for the operation that it began, and returns the metadata. Throws on a failure. */
  const call = async (method: string, path: string, body: Body = {}) => {
    const said = await ask(method, path, body);
    if (said.status >= 400) throw new Error(`${method} ${path}: ${said.status} ${said.error}`);
    if (said.status !== 202) return said.metadata;
    // An operation on another member has a query in its path.
    const [operation, query] = said.operation.split('?');
    const wait = `${operation}/wait?timeout=${limitMs / 1000}${query ? `&${query}` : ''}`;
    const { metadata, error } = await ask('GET', wait);
    if (metadata?.status_code !== 200)
      throw new Error(`${method} ${path}: ${error || metadata?.err || 'it did not end'}`);
    return metadata.metadata;
  };

  return {
    ask,
    call,
    /** Imports an image from one file, with an alias. */
    async importImage(file: string, alias: string): Promise<string> {
      const headers = { 'content-type': 'application/octet-stream' };
      const { fingerprint } = await call('POST', '/1.0/images', { file, headers });
      const json = { name: alias, target: fingerprint };
      await call('POST', '/1.0/images/aliases', { json });
      return fingerprint;
    },
    /** Makes a container from an image and starts it, on the member that is named. */
    async launch(name: string, alias: string, target?: string): Promise<void> {
      const config = { 'security.privileged': 'true' };
      const json = { name, type: 'container', config, source: { type: 'image', alias } };
      await call('POST', `/1.0/instances${target ? `?target=${target}` : ''}`, { json });
      await call('PUT', `/1.0/instances/${name}/state`, { json: { action: 'start' } });
    },
  };
}
