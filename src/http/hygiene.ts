// The rules for every answer, whatever it is about: the headers that browsers heed, a request id,
// the methods of a path, and an envelope even for bytes that never become a request (too large
// headers, a request without an end). Pages of other origins get nothing, unless cors.ts lets them.

import { randomUUID } from 'node:crypto';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import helmet from 'helmet';
import { pathPrefix } from '../contract/envelope.ts';
import { operations } from '../contract/table.ts';
import { AppError, invalid } from '../domain/error.ts';
import { atMostEvery } from '../lib/at-most-every.ts';
import { lingering } from './body.ts';
import { timestampOf } from './errors.ts';

export const httpLimits = {
  /** Further connections are closed. */
  connections: 1000,
  bodyBytes: 1024 * 1024,
  headerBytes: 16 * 1024,
  headersMs: 10_000,
  /** How often connections are checked for that. */
  checkMs: 5000,
  /** After so long without a byte in either direction a connection is closed. */
  silenceMs: 60_000,
  /** How long a peer may take to close a connection that was refused. */
  lingerMs: 2000,
  /** How long a stop waits for the requests that have begun. */
  drainMs: 15_000,
};

/** At most so often the log says that connections are closed. */
const tellEveryMs = 60_000;

/** Keeps a peer from holding a connection for as long as it likes. Each server uses it. */
export const connectionLimits = {
  http: {
    maxHeaderSize: httpLimits.headerBytes,
    headersTimeout: httpLimits.headersMs,
    // Node's own refusal would have no envelope; the hook below refuses instead.
    requireHostHeader: false,
    connectionsCheckingInterval: httpLimits.checkMs,
    // Java's client offers another protocol with each request, whose body would be lost.
    shouldUpgradeCallback: ({ method, headers }: IncomingMessage) =>
      method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket',
  },
  connectionTimeout: httpLimits.silenceMs,
};

/**
 * Takes the caller's own id when it is plain text. Otherwise it makes an id that is unique across
 * restarts and servers, because the audit trail keeps it.
 */
export function requestId(request: IncomingMessage | { headers: Record<string, unknown> }): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

export const pathOf = (request: FastifyRequest): string =>
  (request.raw.url ?? '').split('?', 1)[0] ?? '';

/**
 * Returns the address at which a caller has reached this server. It does not trust a header,
 * because the address becomes the host of links.
 */
export function reachedAt({ localAddress = 'localhost', localPort = 80 }: Socket): string {
  const address = localAddress.replace(/^::ffff:(?=\d+\.)/, '');
  return `http://${address.includes(':') ? `[${address}]` : address}:${localPort}`;
}

const plainPaths = ['/', '/healthz', '/readyz', '/openapi.json', '/openapi-3.0.json', '/docs'];
const patterns = [
  ...Object.values(operations).map(({ method, path }) => ({ method, path: pathPrefix + path })),
  ...plainPaths.map((path) => ({ method: 'GET', path })),
  { method: 'GET', path: '/access/{token}' },
  { method: 'POST', path: '/access/{token}' },
  { method: 'GET', path: '/access/{session}/screen' },
  { method: 'GET', path: '/access/{session}/console' },
].map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`),
}));

/** Returns the methods of a path; none when there is nothing at the path. */
function methodsOf(path: string): string[] {
  const found = new Set<string>(
    patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method),
  );
  if (found.size === 0) return [];
  if (found.has('GET')) found.add('HEAD');
  return [...found, 'OPTIONS'].sort();
}

/** The headers that browsers heed. They are the same for each answer, so made once. */
function browserHeaders() {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  const set = helmet({
    // No page here is framed or loads from elsewhere; /docs has a policy of its own.
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    frameguard: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
    // The operator decides whether there is TLS in front.
    strictTransportSecurity: false,
  });
  set(request, response, (error) => {
    if (error) throw error;
  });
  return response.getHeaders();
}

/** Those that count for JSON, which no browser runs or shows as a page. */
const jsonHeaders = [
  'content-security-policy',
  'cross-origin-resource-policy',
  'referrer-policy',
  'x-content-type-options',
  'x-frame-options',
];

/** Says what is wrong with the headers of a request; undefined when nothing is. */
function headerFault({ httpVersion, headers }: IncomingMessage): AppError | undefined {
  if (httpVersion === '1.1' && headers.host === undefined)
    return invalid('The Host header is missing; send one.');
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue')
    return invalid(`Nothing is known of the expectation ${headers.expect}; leave the header out.`);
  return undefined;
}

/** The headers that count for an answer that is no page. */
export const dataHeaders = (ofPages = browserHeaders()) =>
  Object.fromEntries(jsonHeaders.map((name) => [name, ofPages[name]]));

/** `hasApi`: the API of organisations is here, and a wrong method at its paths is told so. */
export function registerHygiene(app: FastifyInstance, { hasApi }: { hasApi: boolean }): void {
  const ofPages = browserHeaders();
  const ofJson = dataHeaders(ofPages);
  // Node would answer an expectation by itself, without an envelope.
  app.server.on('checkExpectation', (request, response) => app.routing(request, response));
  // Hooks that call back cost every request less than hooks with promises.
  app.addHook('onRequest', ({ raw }, _reply, done) => done(headerFault(raw)));
  let stopping = false;
  app.addHook('preClose', async () => {
    stopping = true;
  });
  app.server.maxConnections = httpLimits.connections;
  const tell = atMostEvery(tellEveryMs, async () =>
    app.log.warn(`there are more than ${httpLimits.connections} connections; some are hung up on`),
  );
  app.server.on('drop', () => void tell());
  app.addHook('onSend', (request, reply, payload, done) => {
    const isJson = String(reply.getHeader('content-type')).startsWith('application/json');
    reply.headers(isJson ? ofJson : ofPages);
    // A connection that stays open would delay the stop.
    if (stopping) reply.header('connection', 'close');
    reply.header('x-request-id', request.id);
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    const rest = typeof payload === 'string' ? lingering(request.raw, payload) : null;
    if (typeof payload === 'string' && rest !== null)
      reply.header('connection', 'close').header('content-length', Buffer.byteLength(payload));
    done(null, rest ?? payload);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request);
    const methods = hasApi ? methodsOf(path) : [];
    if (methods.length === 0)
      throw new AppError(
        'not_found',
        `There is nothing at ${path}; /openapi.json lists what there is.`,
      );
    reply.header('allow', methods.join(', '));
    if (request.method === 'OPTIONS') return reply.code(204).send();
    throw new AppError(
      'method_not_allowed',
      `${request.method} is not for this path; use ${methods.join(', ')}.`,
    );
  });
}

/** Answers bytes that Node could not read as a request, and closes the connection. */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Socket, now: number): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const message =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? `The headers are larger than ${httpLimits.headerBytes} bytes; send fewer or shorter ones.`
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? `The headers did not come to their end within ${httpLimits.headersMs / 1000} s; send the request again.`
        : 'This is not an HTTP request.';
  const body = JSON.stringify({ client_code: 400, message, timestamp: timestampOf(now) });
  // Node leaves a connection half open for as long as the peer likes.
  setTimeout(() => socket.destroy(), httpLimits.lingerMs).unref();
  socket.end(
    [
      'HTTP/1.1 400 Bad Request',
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      `x-request-id: ${randomUUID()}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
