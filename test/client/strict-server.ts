// A server of the specification alone, for clients. It refuses each path, query, body field and
// header that the specification does not have, and hands all others to a real server of ours, whose
// answers to such requests have the specification's fields alone. The requests are written down
// here apart from our own contract, so that the two can be compared.

import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startHarness } from '../http/harness.ts';
import { defer, type Scope } from '../support.ts';

interface Request {
  query?: readonly string[];
  body?: { required: readonly string[]; optional?: readonly string[] };
}

const prefix = '/organization-management/v1';
/**
 * The document has the images but one; its notes name that one, and its makers' clients the rest.
 */
const specified: Record<string, Request> = {
  'GET /images': { query: ['page', 'per_page', 'q'] },
  'GET /images/{id}': {},
  'POST /images': { body: { required: ['machine_id', 'name'] } },
  'POST /images/install': {
    body: { required: ['name', 'base_image_id'], optional: ['software_ids'] },
  },
  'POST /images/{id}/assign': { body: { required: ['machine_ids'] } },
  'DELETE /images/{id}': {},
  'GET /software': {},
  'GET /machines': {
    query: ['page', 'per_page', 'q', 'status', 'assigned', 'has_session_data', 'time_left'],
  },
  'GET /machines/{id}': {},
  'POST /machines/{id}/start': { body: { required: [], optional: ['machine_type_id', 'region'] } },
};
/** The headers of the specification, of HTTP, and those that fetch adds by itself. */
const headersKnown =
  /^(authorization|content-(type|length)|host|connection|accept(-language|-encoding)?|user-agent|sec-fetch-mode)$/;

/** What the specification does not know of a request; empty when it knows all of it. */
function unknownIn(method: string, url: URL, headers: IncomingHttpHeaders, text: string): string[] {
  const path = url.pathname.replace(prefix, '').replace(/\/\d+(?=\/|$)/, '/{id}');
  const row = specified[`${method} ${path}`];
  if (!url.pathname.startsWith(prefix) || row === undefined) return [`${method} ${url.pathname}`];
  const { query = [], body = { required: [] } } = row;
  const given: object = text === '' ? {} : JSON.parse(text);
  const fields = [...body.required, ...(body.optional ?? [])];
  return [
    ...Object.keys(headers).filter((name) => !headersKnown.test(name)),
    ...[...url.searchParams.keys()].filter((name) => !query.includes(name)),
    ...Object.keys(given).filter((name) => !fields.includes(name)),
    ...body.required.filter((name) => !Object.hasOwn(given, name)).map((name) => `no ${name}`),
    ...(headers['content-type'] === (text === '' ? undefined : 'application/json') ? [] : ['type']),
  ];
}

export async function strictServer(t: Scope) {
  const h = await startHarness(t);
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    const body = Buffer.concat(chunks).toString();
    requests.push(`${method} ${url}`);
    const unknown = unknownIn(method, new URL(url, 'http://host'), headers, body);
    if (unknown.length > 0) {
      const message = `The specification does not know: ${unknown.join(', ')}.`;
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ client_code: 400, message, timestamp: '2026-01-02T03:04:05Z' }),
      );
      return;
    }
    const { authorization = '', 'content-type': type } = headers;
    const answer = await h.service.app.inject({
      method: method as 'GET',
      url,
      headers: { authorization, ...(type && { 'content-type': type }) },
      ...(body !== '' && { payload: body }),
    });
    response.writeHead(answer.statusCode, { 'content-type': 'application/json' });
    response.end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { h, requests, options: { url: `http://127.0.0.1:${port}`, ...h.keys.ours } };
}
