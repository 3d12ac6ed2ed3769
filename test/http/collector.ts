// A collector of traces: a small server that takes spans as OTLP over HTTP, in JSON, and keeps
// them.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { defer, type Scope } from '../support.ts';

type Value = { stringValue?: string; intValue?: string | number };

interface SentSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  attributes: { key: string; value: Value }[];
  status: { code?: number };
}

export interface CollectedSpan extends Omit<SentSpan, 'attributes'> {
  attributes: Record<string, string | number | undefined>;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that answers as it is told, and counts the connections that are open to it. */
export async function listenAs(t: Scope, answer: Answer) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  await new Promise((resolve) => server.once('listening', resolve));
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { endpoint, connections: () => open.size };
}

export async function startCollector(t: Scope) {
  const spans: CollectedSpan[] = [];
  const requests: { path: string | undefined; text: string; authorization: string | undefined }[] =
    [];
  const { endpoint } = await listenAs(t, async (request, response) => {
    const text = (await buffer(request)).toString();
    requests.push({ path: request.url, text, authorization: request.headers.authorization });
    const sent: { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] } = JSON.parse(text);
    for (const { scopeSpans } of sent.resourceSpans)
      for (const span of scopeSpans.flatMap((scope) => scope.spans))
        spans.push({
          ...span,
          attributes: Object.fromEntries(
            span.attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]),
          ),
        });
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  return { endpoint, spans, requests };
}

/**
 * The spans as lines, each below its parent and indented, in the order in which they were begun.
 */
export function treeOf(spans: readonly CollectedSpan[], root: string | undefined): string[] {
  const below = spans.filter(({ parentSpanId }) => (parentSpanId || undefined) === root);
  return below.flatMap((span) => [
    span.name,
    ...treeOf(spans, span.spanId).map((line) => `  ${line}`),
  ]);
}
