// Reads files of a guest through its agent.

import { openAgent } from './agent.ts';
import { type Message, PeerRefusal } from './qmp.ts';

const chunkBytes = 256 * 1024;
/** So many chunks are read at once; a later call reads the rest. */
const chunksMax = 16;

/**
 * Returns what a file of the guest has after `from` bytes, at most 4 MiB; empty when there is no
 * such file. Rejects when no agent answers in time.
 */
export async function agentRead(
  path: string,
  file: string,
  from: number,
  timeoutMs: number,
): Promise<Buffer> {
  const agent = await openAgent(path, timeoutMs);
  const call = (name: string, args: Message) => agent.call(name, args, timeoutMs);
  try {
    const handle = await call('guest-file-open', { path: file, mode: 'r' }).catch((error) => {
      if (error instanceof PeerRefusal) return null;
      throw error;
    });
    if (handle === null) return Buffer.alloc(0);
    await call('guest-file-seek', { handle, offset: from, whence: 0 });
    const chunks: Buffer[] = [];
    for (let count = 0; count < chunksMax; count++) {
      const answer = await call('guest-file-read', { handle, count: chunkBytes });
      const { 'buf-b64': text, eof } = (answer ?? {}) as Message;
      if (typeof text === 'string') chunks.push(Buffer.from(text, 'base64'));
      if (eof !== false) break;
    }
    await call('guest-file-close', { handle });
    return Buffer.concat(chunks);
  } finally {
    agent.close();
  }
}
