// The rings in which QEMU keeps the end of what a guest writes to its serial ports: to the first,
// its console, and to the second, the channel of results.

import type { Message } from './qmp.ts';

/** When a ring is full, its oldest bytes are overwritten. */
export const ringBytes = { console: 65_536, result: 4096 } as const;
type Ring = keyof typeof ringBytes;

export const ringArg = (ring: Ring): string => `ringbuf,id=${ring},size=${ringBytes[ring]}`;

/** Takes the text out of a ring by a call of its monitor; null when the monitor does not answer. */
export const takeRing = (
  call: (execute: string, args: Message) => Promise<unknown>,
  ring: Ring,
): Promise<string | null> =>
  call('ringbuf-read', { device: ring, size: ringBytes[ring] }).then(
    (said) => (typeof said === 'string' ? said : null),
    () => null,
  );
