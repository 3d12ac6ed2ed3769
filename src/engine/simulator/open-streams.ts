// The streams to simulated machines, which end when their machine goes off.

import type { Duplex } from 'node:stream';
import type { MachineId } from '../../domain/ids.ts';

export class OpenStreams {
  readonly #of = new Map<MachineId, Set<Duplex>>();

  add(id: MachineId, stream: Duplex): Duplex {
    const streams = this.#of.get(id) ?? new Set();
    this.#of.set(id, streams.add(stream));
    stream.once('close', () => {
      streams.delete(stream);
      if (streams.size === 0) this.#of.delete(id);
    });
    return stream;
  }

  end(id: MachineId): void {
    for (const stream of this.#of.get(id) ?? []) stream.push(null);
  }
}
