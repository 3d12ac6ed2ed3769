// A viewer of a machine: a websocket, with what it was sent and how its connection ended.

import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import { waitFor } from '../support.ts';

export function connect(url: string, options: ClientOptions = {}) {
  const socket = new WebSocket(url, { perMessageDeflate: false, ...options });
  let bytes = Buffer.alloc(0);
  socket.on('message', (data: Buffer) => {
    bytes = Buffer.concat([bytes, data]);
  });
  const refused = new Promise<number>((resolve) => {
    socket.on('unexpected-response', (asked, answer) => {
      resolve(answer.statusCode ?? 0);
      asked.destroy();
    });
  });
  socket.on('error', () => {});
  const closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: `${reason}` }));
  return {
    socket,
    bytes: () => bytes,
    sees: (text: string) => waitFor(`it sees ${text}`, () => bytes.includes(text)),
    opened: () => waitFor('it is open', () => socket.readyState === WebSocket.OPEN),
    /** Resolves to the status with which the server refused it. */
    refused,
    closed,
    async leave() {
      socket.close();
      await closed;
    },
  };
}
