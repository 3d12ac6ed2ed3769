// The consoles that viewers of this server have open. A console has one reader, so all viewers of a
// machine share one stream. Each sees the end of what was shown before it came.

import type { Duplex } from 'node:stream';
import type { MachineId } from '../domain/ids.ts';
import { type ViewEnd, type Viewer, viewerLimits } from './viewer.ts';

const historyBytesMax = 64 * 1024;

interface Shared {
  opening: Promise<Duplex>;
  history: Buffer;
  viewers: Set<Viewer>;
}

interface Joined {
  /** What is written to it is typed; closed when the console ends. */
  stream: Duplex;
  leave(): void;
}

export class SharedConsoles {
  readonly #open: (machineId: MachineId) => Promise<Duplex>;
  readonly #shared = new Map<MachineId, Shared>();

  constructor(open: (machineId: MachineId) => Promise<Duplex>) {
    this.#open = open;
  }

  /** Opens the console, or joins those who have it open. Throws what the opening throws. */
  async join(id: MachineId, viewer: Viewer): Promise<Joined> {
    const shared = this.#shared.get(id) ?? this.#begin(id);
    if (shared.history.length > 0) viewer.sendOrSkip(shared.history);
    shared.viewers.add(viewer);
    const leave = () => {
      shared.viewers.delete(viewer);
      if (shared.viewers.size > 0) return;
      this.#forget(id, shared);
      shared.opening.then(
        (stream) => stream.destroy(),
        () => {},
      );
    };
    try {
      return { stream: await shared.opening, leave };
    } catch (error) {
      leave();
      throw error;
    }
  }

  #begin(id: MachineId): Shared {
    const shared: Shared = {
      opening: this.#open(id),
      history: Buffer.alloc(0),
      viewers: new Set(),
    };
    this.#shared.set(id, shared);
    shared.opening.then(
      (stream) => {
        stream.on('data', (bytes: Buffer) => {
          shared.history = Buffer.concat([shared.history, bytes]).subarray(-historyBytesMax);
          for (const viewer of shared.viewers) viewer.sendOrSkip(bytes);
        });
        const end = (why: ViewEnd) => {
          this.#forget(id, shared);
          for (const viewer of shared.viewers) viewer.end(why);
        };
        stream.setMaxListeners(viewerLimits.ofMachine * 2);
        stream.on('error', () => end('lost'));
        stream.on('close', () => end('off'));
      },
      () => this.#forget(id, shared),
    );
    return shared;
  }

  /** Who comes now opens the console anew. */
  #forget(id: MachineId, shared: Shared): void {
    if (this.#shared.get(id) === shared) this.#shared.delete(id);
  }
}
