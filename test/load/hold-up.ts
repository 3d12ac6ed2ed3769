// Connections that only hold a server up, without asking for anything that it can answer.

import { connect, type Socket } from 'node:net';
import type { UnderLoad } from './load.ts';

/**
 * Opens `each` connections of three kinds that hold a server up: they send nothing, never end their
 * request, or never read their answers. None notices that the server closed it. Resolves to a
 * function that ends them.
 */
export async function holdUp(on: UnderLoad, each: number): Promise<() => void> {
  const sockets: Socket[] = [];
  const { hostname, port } = new URL(on.url);
  const dial = () =>
    new Promise<Socket>((resolve) => {
      const socket = connect(Number(port), hostname, () => resolve(socket));
      // A write to a closed connection fails; that is expected here.
      socket.on('error', () => {});
      sockets.push(socket);
    });
  for (let index = 0; index < each; index++) {
    await dial();
    (await dial()).write('POST /organization-management/v1/images/install HTTP/1.1\r\nhost: x\r\n');
    (await dial()).write('GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(50));
  }
  const slow = sockets.filter((_, index) => index % 3 === 1);
  const drip = setInterval(() => {
    for (const socket of slow) if (socket.writable) socket.write('x-more: 1\r\n');
  }, 1000);
  return () => {
    clearInterval(drip);
    for (const socket of sockets) socket.destroy();
  };
}
