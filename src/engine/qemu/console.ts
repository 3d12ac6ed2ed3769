// The console of a machine that is on. Nobody reads it most of the time, so QEMU keeps its end in a
// ring, also while no server runs. While it is open, the serial port writes to a socket instead,
// and the server keeps its end; then QEMU gets the ring back, with that end in it. So its history
// is in one place, and outlives the server, but for what a guest wrote while a server that had it
// open was dead.

import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { failedForNow } from '../../domain/error.ts';
import type { MachineId } from '../../domain/ids.ts';
import { Turns } from '../../lib/turns.ts';
import { openGuestSocket } from './guest-socket.ts';
import { findProcess, type Own } from './process.ts';
import { monitorCall, PeerRefusal } from './qmp.ts';
import { ringBytes } from './ring.ts';
import { foundOn } from './screen.ts';

const monitorMs = 5000;
const connectMs = 5000;
const historyBytesMax = ringBytes.console;
const device = 'console';
const socketName = 'console.sock';

interface Opened {
  /** The process of the machine. */
  pid: number;
  stream: Duplex;
  /** The end of the output. */
  history: Buffer;
}

export class Consoles {
  readonly #own: Own;
  readonly #turns = new Turns();
  readonly #opened = new Map<MachineId, Opened>();

  constructor(own: Own) {
    this.#own = own;
  }

  /**
   * The end of the output of a console that is open; null when it is not, so that a ring has it.
   */
  shown(id: MachineId): string | null {
    return this.#opened.get(id)?.history.toString() ?? null;
  }

  /** See `Console.open`. */
  async open(id: MachineId, signal: AbortSignal): Promise<Duplex> {
    await this.#end(id);
    return this.#turns.take(String(id), async () => {
      const { folder, pid } = await foundOn(this.#own, id);
      const over = AbortSignal.any([signal, AbortSignal.timeout(connectMs)]);
      const opened: Opened = { pid, stream: Duplex.from([]), history: Buffer.alloc(0) };
      try {
        opened.history = await readRing(folder);
        await become(folder, {
          type: 'socket',
          data: { addr: { type: 'unix', data: { path: socketName } }, server: true, wait: false },
        });
        opened.stream = await openGuestSocket(join(folder, socketName), over, {
          before: opened.history,
          onBytes(bytes) {
            opened.history = Buffer.concat([opened.history, bytes]).subarray(-historyBytesMax);
          },
          onEnd: () => this.#giveBack(id, opened),
        });
      } catch (error) {
        await becomeRing(folder, opened.history).catch(() => {});
        signal.throwIfAborted();
        throw failedForNow(`The console of machine ${id} does not answer; try again.`, {
          detail: String(error),
        });
      }
      this.#opened.set(id, opened);
      return opened.stream;
    });
  }

  async #end(id: MachineId): Promise<void> {
    const before = this.#opened.get(id);
    if (before === undefined) return;
    before.stream.destroy();
    await this.#turns.take(String(id), async () => {});
  }

  /** Lets QEMU keep the end of the output again, where the machine is still on. */
  async #giveBack(id: MachineId, opened: Opened): Promise<void> {
    await this.#turns.take(String(id), async () => {
      try {
        const running = await findProcess(this.#own, 'machine', id);
        if (running?.pid === opened.pid) await becomeRing(running.folder, opened.history);
      } catch {
        // It goes off at this moment, or its monitor is busy. The next reader changes it.
      } finally {
        if (this.#opened.get(id) === opened) this.#opened.delete(id);
      }
    });
  }

  /** Ends all streams, and resolves when QEMU has its rings back. */
  async close(): Promise<void> {
    await Promise.all([...this.#opened.keys()].map((id) => this.#end(id)));
  }
}

const ask = (folder: string, execute: string, args: Record<string, unknown>) =>
  monitorCall(join(folder, 'qmp.sock'), execute, { ...args }, monitorMs);

const become = (folder: string, backend: object) =>
  ask(folder, 'chardev-change', { id: device, backend });

async function becomeRing(folder: string, history: Buffer): Promise<void> {
  await become(folder, { type: 'ringbuf', data: { size: historyBytesMax } });
  await writeRing(folder, history);
}

async function writeRing(folder: string, history: Buffer): Promise<void> {
  const data = history.subarray(-historyBytesMax).toString('base64');
  if (data !== '') await ask(folder, 'ringbuf-write', { device, data, format: 'base64' });
}

/** Puts output that was taken from the ring back, before what came since. */
export async function giveBack(folder: string, taken: string): Promise<void> {
  await writeRing(folder, Buffer.concat([Buffer.from(taken), await readRing(folder)]));
}

/**
 * Takes what is in the ring. A server that died while it had the console open has left a socket
 * where the ring was; it becomes one again.
 */
export async function readRing(folder: string): Promise<Buffer> {
  const read = () =>
    ask(folder, 'ringbuf-read', { device, size: historyBytesMax, format: 'base64' });
  const said = await read().catch(async (error) => {
    if (!(error instanceof PeerRefusal)) throw error;
    await becomeRing(folder, Buffer.alloc(0));
    return read();
  });
  return Buffer.from(typeof said === 'string' ? said : '', 'base64').subarray(-historyBytesMax);
}
