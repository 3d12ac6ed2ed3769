// The console of an instance that is on, over a websocket of Incus.

import type { Duplex } from 'node:stream';
import { Type } from 'typebox';
import { createWebSocketStream, WebSocket } from 'ws';
import { failedForNow } from '../../domain/error.ts';
import { parseAnswer } from './answer.ts';
import type { Incus } from './context.ts';

const messageBytesMax = 1024 ** 2;
const connectMs = 10_000;

const Opened = Type.Object({ metadata: Type.Object({ fds: Type.Object({ 0: Type.String() }) }) });

/**
 * Opens the console of an instance; an earlier reader loses it. The stream begins with `history`.
 * Throws `unavailable` when Incus does not give the console out.
 */
export async function openInstanceConsole(
  { client }: Incus,
  instance: string,
  history: string,
  signal: AbortSignal,
): Promise<Duplex> {
  const path = `/1.0/instances/${instance}/console`;
  const json = { type: 'console', width: 80, height: 24, force: true };
  const { operation, metadata } = await client.ask('POST', path, signal, { json });
  if (operation === null) throw failedForNow('Incus did not open the console.');
  const { fds } = parseAnswer(Opened, metadata, path).metadata;
  const { websocket } = client.endpoint;
  const [at, query] = operation.split('?');
  const socket = new WebSocket(
    `${websocket.origin}${at}/websocket?secret=${fds[0]}${query ? `&${query}` : ''}`,
    {
      ...websocket.options,
      maxPayload: messageBytesMax,
      perMessageDeflate: false,
      handshakeTimeout: connectMs,
    },
  );
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', (error) =>
      reject(failedForNow('The console does not answer; try again.', { detail: String(error) })),
    );
  });
  const stream = createWebSocketStream(socket);
  // A connection that breaks is the end of the stream, as the end of the instance is.
  stream.on('error', () => {});
  if (history !== '') stream.unshift(Buffer.from(history));
  return stream;
}
