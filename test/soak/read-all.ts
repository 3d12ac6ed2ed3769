// Reads everything at the end of a soak, so that the checker sees the last states.

import type { Caller } from './caller.ts';
import type { Call } from './history.ts';

/** Reads every image that a client was told of, and every machine. */
export async function readAll(
  { history, call }: Caller,
  machines: readonly number[],
  url?: () => string,
): Promise<void> {
  const idOf = ({ answer }: Call) => Number(answer?.attributes?.id ?? 0);
  const ofImages = history.filter(({ name }) => name.startsWith('image'));
  const images = new Set(ofImages.map(idOf).filter((id) => id > 0));
  for (const id of images) await call('imageGet', { id }, url);
  for (const id of machines) await call('machineGet', { id }, url);
}
