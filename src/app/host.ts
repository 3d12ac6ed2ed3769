// The room on the disk of the host, which a request checks before it asks for what takes some.

import { assertRoom } from '../domain/host.ts';
import type { ReadContext } from './context.ts';

/**
 * Throws `unavailable` unless the disk has room for so many bytes beside those that are promised to
 * others. Passes while the reconciler has not looked at the disk yet.
 */
export async function assertHostRoom(
  { work }: ReadContext,
  neededBytes: number,
  promisedBytes = 0,
): Promise<void> {
  const capacity = await work.host.capacity();
  if (capacity) assertRoom(capacity, neededBytes, promisedBytes);
}
