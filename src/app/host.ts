// The room on the disk of the host, which a request checks before it asks for work that needs room.

import { assertRoom } from '../domain/host.ts';
import type { ReadContext } from './context.ts';

/**
 * Throws `unavailable` unless the disk has room for so many bytes beside the bytes that are
 * promised to others. Passes until the reconciler has measured the disk once.
 */
export async function assertHostRoom(
  { work }: ReadContext,
  neededBytes: number,
  promisedBytes = 0,
): Promise<void> {
  const capacity = await work.host.capacity();
  if (capacity) assertRoom(capacity, neededBytes, promisedBytes);
}
