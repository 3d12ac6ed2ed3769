// Looks at machines: a picture of a screen, and the addresses of websockets that show a screen and
// a console.

import { type CallOptions, type Client, type ClientOptions, send } from './client.ts';
import { ApiError, NoAnswerError } from './errors.ts';
import { webFetch } from './web-fetch.ts';

/** The longest picture that is read. */
const pictureBytesMax = 64 * 1024 ** 2;

/** A machine that was opened. Whoever has one of the addresses sees the machine. */
export interface OpenedMachine {
  /**
   * A websocket of RFB (VNC) in binary messages; null where machines have no screens. Both can be
   * opened again and again, until the link's time is over.
   */
  screen: URL | null;
  /** A websocket of what is shown and typed, in binary messages; null where there is none. */
  console: URL | null;
  expiresAt: string;
}

export interface Views {
  /** What the screen of a ready machine shows now, as a PNG. */
  screenshot(machine: { id: number }, options?: CallOptions): Promise<Uint8Array>;
  /** Opens a ready machine, for an hour unless `expires_in` says for how many seconds. */
  openMachine(
    machine: { id: number; expires_in?: number | undefined },
    options?: CallOptions,
  ): Promise<OpenedMachine>;
}

export const views = (client: Client, options: ClientOptions): Views => ({
  screenshot: ({ id }, call) => screenshot(options, id, call),
  openMachine: (machine, call) => openMachine(client, options, machine, call),
});

export async function screenshot(
  options: ClientOptions,
  id: number,
  call: CallOptions = {},
): Promise<Uint8Array> {
  const reply = await send(options, 'machineScreen', { id }, call);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of reply.body ?? []) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > pictureBytesMax)
      throw new NoAnswerError(options.url, 'long', `more than ${pictureBytesMax} bytes`);
  }
  const all = new Uint8Array(bytes);
  for (let at = 0; pieces.length > 0; ) {
    const piece = pieces.shift() ?? new Uint8Array();
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

export async function openMachine(
  client: Client,
  options: ClientOptions,
  machine: { id: number; expires_in?: number | undefined },
  call: CallOptions = {},
): Promise<OpenedMachine> {
  const { attributes } = await client.machineAccess(machine, call);
  const [token = ''] = /[^/]+$/.exec(attributes.connection_link) ?? [];
  const opened = await useLink(options, token, call.signal);
  const address = (kind: string) => {
    if (!opened.views.includes(kind)) return null;
    const url = new URL(`/access/${opened.session}/${kind}`, options.url);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url;
  };
  const { expires_at: expiresAt } = attributes;
  return { screen: address('screen'), console: address('console'), expiresAt };
}

interface UsedLink {
  session: string;
  views: readonly string[];
}

/** How long to wait for an answer, unless the client says it. */
const defaultTimeoutMs = 30_000;

/** Uses a link up. The request has no signature, because the link is the permission. */
async function useLink(
  { url, fetch = webFetch, timeoutMs = defaultTimeoutMs }: ClientOptions,
  token: string,
  signal: AbortSignal | undefined,
): Promise<UsedLink> {
  const late = AbortSignal.timeout(timeoutMs);
  const failed = (cause: unknown) => {
    if (signal?.aborted) return signal.reason;
    const why = late.aborted ? 'late' : 'unreachable';
    return new NoAnswerError(url, why, String(cause), { cause });
  };
  const sent = fetch(new URL(`/access/${token}`, url), {
    method: 'POST',
    headers: { accept: 'application/json' },
    redirect: 'manual',
    signal: signal ? AbortSignal.any([signal, late]) : late,
  });
  const { reply, text } = await sent
    .then(async (reply) => ({ reply, text: await reply.text() }))
    .catch((error: unknown) => {
      throw failed(error);
    });
  const answer = parsed(text);
  if (reply.ok && isUsed(answer.attributes)) return answer.attributes;
  if (typeof answer.client_code !== 'number' || reply.ok)
    throw new NoAnswerError(url, 'foreign', `${reply.status}, and no link of Silversmith`);
  const id = reply.headers.get('x-request-id');
  throw new ApiError(answer.client_code, reply.status, String(answer.message), id);
}

function parsed(text: string): Record<string, unknown> {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === 'object' && answer !== null ? { ...answer } : {};
  } catch {
    return {};
  }
}

const isUsed = (given: unknown): given is UsedLink =>
  typeof given === 'object' &&
  given !== null &&
  'session' in given &&
  typeof given.session === 'string' &&
  'views' in given &&
  Array.isArray(given.views);
