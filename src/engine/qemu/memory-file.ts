// The file in which the memory of a template is kept: each block that is not empty, after the
// address at which it lies. So the digest of the file is that of the memory, and empty memory takes
// no room and no time.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { isZero } from '../../lib/holes.ts';
import type { SharedMemory } from './shared-memory.ts';

const blockBytes = 64 * 1024;
const addressBytes = 8;
const recordBytes = addressBytes + blockBytes;
const blocksRead = 16;

/**
 * Writes the memory into a file, which is synced, and into a copy, which was empty. Returns the
 * file's digest. The copy takes no room where the memory is empty, also if that had large pages.
 */
export async function saveMemory(
  memory: SharedMemory,
  path: string,
  copy: SharedMemory,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash('sha256');
  const to = await open(path, 'w', 0o600);
  try {
    const piece = Buffer.alloc(blocksRead * blockBytes);
    for (let at = 0; at < memory.bytes; at += piece.length) {
      signal.throwIfAborted();
      const { bytesRead } = await memory.file.read(piece, 0, piece.length, at);
      const records = recordsOf(piece.subarray(0, bytesRead), at);
      if (records.length === 0) continue;
      const writing = to.writeFile(records);
      hash.update(records);
      await Promise.all([writing, writeRecords(records, copy)]);
    }
    await to.sync();
    return hash.digest('hex');
  } finally {
    await to.close();
  }
}

function recordsOf(piece: Buffer, address: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < piece.length; at += blockBytes) {
    const block = piece.subarray(at, at + blockBytes);
    if (isZero(block)) continue;
    const head = Buffer.alloc(addressBytes);
    head.writeBigUInt64BE(BigInt(address + at));
    records.push(head, block);
  }
  return Buffer.concat(records);
}

/** Writes the blocks of whole records into the memory, and returns how many bytes those had. */
async function writeRecords(records: Buffer, memory: SharedMemory): Promise<number> {
  let at = 0;
  for (; at + recordBytes <= records.length; at += recordBytes) {
    const address = records.readBigUInt64BE(at);
    if (address > BigInt(memory.bytes - blockBytes)) throw new Error('it is no memory');
    await memory.file.write(records, at + addressBytes, blockBytes, Number(address));
  }
  return at;
}

/**
 * Reads a file into memory that is empty, and returns the file's digest. Throws an Error for a file
 * that is no memory of this size. What the memory holds is known only when the digest is right.
 */
export async function loadMemory(path: string, memory: SharedMemory): Promise<string> {
  const hash = createHash('sha256');
  let rest = Buffer.alloc(0);
  for await (const piece of createReadStream(path, { highWaterMark: blocksRead * recordBytes })) {
    hash.update(piece);
    const known = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    rest = known.subarray(await writeRecords(known, memory));
  }
  if (rest.length > 0) throw new Error('its end is missing');
  return hash.digest('hex');
}
