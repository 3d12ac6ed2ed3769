// Connects this terminal with the console of a machine: each key goes there, until Ctrl-] is typed.

import { once } from 'node:events';
import { type RawData, WebSocket } from 'ws';

/** Ctrl-], which programs on a console hardly ask for. */
const leaveKey = 0x1d;
const connectMs = 10_000;
const messageBytesMax = 4 * 1024 ** 2;
/** Another server may have the machine; a balancer passes a later connection to that one. */
const triesMax = 6;
const pauseMs = 1000;
const refusedCode = 4005;
/** So much waits for the terminal, or for the server, before the other side is held back. */
const waitingBytesMax = 256 * 1024;

/** Resolves to null when the user leaves, else to why the console ended. */
export async function useConsole(url: URL): Promise<string | null> {
  for (let tries = 1; ; tries++) {
    const { isLeft, code, reason } = await useOnce(url);
    if (isLeft) return null;
    if (code !== refusedCode || tries === triesMax)
      return reason || 'The connection to the server was lost.';
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function useOnce(url: URL): Promise<{ isLeft: boolean; code: number; reason: string }> {
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    handshakeTimeout: connectMs,
    maxPayload: messageBytesMax,
  });
  const { stdin, stdout } = process;
  let isLeft = false;
  let fault = '';
  const onKeys = (keys: Buffer) => {
    const end = keys.indexOf(leaveKey);
    isLeft ||= end !== -1;
    const typed = isLeft ? keys.subarray(0, end) : keys;
    if (typed.length > 0 && socket.readyState === WebSocket.OPEN)
      socket.send(typed, () => stdin.resume());
    if (socket.bufferedAmount > waitingBytesMax) stdin.pause();
    if (isLeft) socket.close();
  };
  const onMessage = (data: RawData) => {
    if (!Buffer.isBuffer(data)) return;
    if (!stdout.write(data)) socket.pause();
  };
  const onDrain = () => socket.resume();
  const onSignal = () => {
    isLeft = true;
    socket.close();
  };
  socket.on('message', onMessage);
  socket.on('error', (error) => {
    fault = error.message;
  });
  stdout.on('drain', onDrain);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, onSignal);
  stdin.setRawMode(true);
  stdin.on('data', onKeys);
  try {
    const [code, reason] = await once(socket, 'close');
    return { isLeft, code, reason: String(reason) || fault };
  } finally {
    stdin.removeListener('data', onKeys);
    stdin.setRawMode(false);
    stdin.pause();
    stdout.removeListener('drain', onDrain);
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.removeListener(signal, onSignal);
  }
}
