// A server that answers each request as a script says, for answers that no server of ours gives.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defer, type Scope } from '../support.ts';

export const timestamp = '2026-01-02T03:04:05Z';
export const envelope = (code: number, message = code === 200 ? 'OK' : 'No.') => ({
  client_code: code,
  message,
  timestamp,
});

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** Answers with JSON. */
export const json =
  (status: number, body: object, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };

/** Breaks the connection without an answer. */
export const cut: Answer = (response) => void response.destroy();
/** Never answers. */
export const silence: Answer = () => {};
export const softwareAnswer = json(200, { software: [], base_images: [], ...envelope(200) });

/** Answers with `answers` in turn; the last one is repeated. */
export async function scripted(t: Scope, ...answers: readonly Answer[]) {
  const requests: { method: string; url: string; headers: IncomingMessage['headers'] }[] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)];
    const { method = '', url = '', headers } = request;
    requests.push({ method, url, headers });
    request.resume().once('end', () => answer?.(response, request));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    options: { url: `http://127.0.0.1:${port}`, key: 'key-of-a-test', secret: 'secret' },
    requests,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
