// The screen of a simulated machine: one colour, which its id chooses. It speaks as much of RFB 3.8
// as a viewer needs to see it (RFC 6143), and takes keys and movements without an effect.

import { Duplex } from 'node:stream';
import { crc32, deflateSync } from 'node:zlib';
import type { MachineId } from '../../domain/ids.ts';
import type { Screen } from '../optional/screen.ts';
import { machineOn } from './console.ts';
import type { OpenStreams } from './open-streams.ts';
import type { StateFile } from './state.ts';

const [width, height] = [320, 200];
/** Red, green and blue. */
type Colour = readonly [number, number, number];

const colourOf = (id: MachineId): Colour => [32, (id * 67) % 256, 160];

export const screenIn = (file: StateFile, streams: OpenStreams): Screen => ({
  async open(id) {
    const { name } = await machineOn(file, id);
    return streams.add(id, viewed(name, colourOf(id)));
  },
  async picture(id) {
    await machineOn(file, id);
    return pngOf(colourOf(id));
  },
});

/** The lengths of a viewer's messages by their first byte; null: its length is in it. */
const messageBytes: Readonly<Record<number, number | null>> = { 0: 20, 2: null, 3: 10, 4: 8, 5: 6 };
const [pixelFormat, updateRequest] = [0, 3];
/** The longest message that is taken, which only a list of encodings could be. */
const messageBytesMax = 1024;

/** The server's side of one viewer. It ends when it is sent what it does not know. */
function viewed(name: string, colour: Colour): Duplex {
  /** Those of the handshake: version, security, shared flag. */
  const steps: [bytes: number, answer: () => Buffer][] = [
    [12, () => Buffer.from([1, 1])],
    [1, () => Buffer.alloc(4)],
    [1, () => initOf(name)],
  ];
  let waiting = Buffer.alloc(0);
  /** Where red, green and blue are in a pixel. */
  let shifts: Colour = [16, 8, 0];
  const stream: Duplex = new Duplex({
    allowHalfOpen: false,
    read() {},
    write(bytes: Buffer, _encoding, done) {
      waiting = Buffer.concat([waiting, bytes]);
      while (waiting.length > 0) {
        const [step] = steps;
        const length = step ? step[0] : lengthOf(waiting);
        if (length === null || length > messageBytesMax) return void stream.destroy();
        if (waiting.length < length) break;
        const [kind] = waiting;
        const message = waiting.subarray(0, length);
        waiting = waiting.subarray(length);
        if (step) steps.shift();
        if (step) stream.push(step[1]());
        else if (kind === updateRequest) stream.push(updateOf(colour, shifts));
        else if (kind === pixelFormat) {
          if (message[4] !== 32) return void stream.destroy();
          shifts = [message[14] ?? 0, message[15] ?? 0, message[16] ?? 0];
        }
      }
      done();
    },
  });
  stream.push('RFB 003.008\n');
  return stream;
}

function lengthOf(message: Buffer): number | null {
  const kind = message[0] ?? 0;
  const length = messageBytes[kind];
  if (length === undefined) return null;
  // A list of encodings, each of four bytes.
  return length ?? (message.length < 4 ? 4 : 4 + 4 * message.readUInt16BE(2));
}

/** 32 bits for each pixel, with eight for each colour, blue first. */
function initOf(name: string): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt16BE(width, 0);
  head.writeUInt16BE(height, 2);
  head.set([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0], 4);
  const text = Buffer.from(name);
  head.writeUInt32BE(text.length, 20);
  return Buffer.concat([head, text]);
}

/** The whole screen as one raw rectangle. */
function updateOf(colour: Colour, shifts: Colour): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt16BE(1, 2);
  head.writeUInt16BE(width, 8);
  head.writeUInt16BE(height, 10);
  const pixel = Buffer.alloc(4);
  pixel.writeUInt32LE(
    colour.reduce((sum, one, at) => sum + one * 2 ** ((shifts[at] ?? 0) % 32), 0) % 2 ** 32,
  );
  return Buffer.concat([head, Buffer.alloc(width * height * 4, pixel)]);
}

function pngOf(colour: Colour): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const line = Buffer.concat([Buffer.alloc(1), Buffer.alloc(width * 3, Buffer.from(colour))]);
  const lines = Buffer.concat(Array.from({ length: height }, () => line));
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(lines)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(name: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}
