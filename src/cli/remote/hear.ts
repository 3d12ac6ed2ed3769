// Hears what happens to things. Where events cannot be heard, because the server is older, the key
// may not, or too many listen, nothing is told: whoever waits then asks again and again.

import type { ClientOptions } from '../../client/client.ts';
import type { Gap } from '../../client/events.ts';
import type { FleetEvent } from '../../client/types.ts';

/** A filter names so many things at most; the events of more are picked out here. */
const subjectsMax = 100;

export interface Hearer {
  /** Events are told from now on; the caller has to ask for what happened before. */
  onOpen(): void;
  /** Nothing is told any more, until the next `onOpen`. */
  onBreak(): void;
  onEvent(event: FleetEvent | Gap): void;
}

/** Listens until the signal, also while the server restarts. Never rejects. */
export async function hear(
  options: ClientOptions,
  { noun, ids }: { noun: 'image' | 'machine' | 'transfer'; ids: readonly (number | string)[] },
  hearer: Hearer,
  signal: AbortSignal,
): Promise<void> {
  const filters =
    ids.length <= subjectsMax ? { subject: ids.map((id) => `${noun}:${id}`).join(',') } : { noun };
  try {
    const { listen } = await import('../../client/events.ts');
    const { onOpen, onBreak } = hearer;
    for await (const event of listen(options, { filters, signal, onOpen, onBreak }))
      hearer.onEvent(event);
  } catch {
    hearer.onBreak();
  }
}
