// Servers and requests over real sockets, for behaviour that does not show in process.

import { type AddressInfo, connect } from 'node:net';
import { defer, type Scope, waitFor } from '../support.ts';
import { type Harness, startHarness } from './harness.ts';

/** A harness that listens on a port of this host. */
export async function listening(t: Scope) {
  const h = await startHarness(t, { reconcile: false });
  await h.service.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = h.service.app.server.address() as AddressInfo;
  /** Opens a connection that is closed after the test and whose errors are ignored. */
  const open = () => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    defer(t, () => socket.destroy());
    return socket;
  };
  /** Sends bytes as they are; resolves to all that came back when the connection ends. */
  const raw = (...parts: string[]) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      let said = '';
      socket.on('data', (chunk) => {
        said += chunk.toString();
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(said));
      for (const part of parts) socket.write(part);
    });
  return { h, port, open, raw };
}

export const envelopeOf = (answer: string) =>
  JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));

/** Waits until so many connections are open. */
export const connected = (h: Harness, expected: number) =>
  waitFor(
    `${expected} are connected`,
    () =>
      new Promise<boolean>((resolve) =>
        h.service.app.server.getConnections((_, count) => resolve(count === expected)),
      ),
  );
