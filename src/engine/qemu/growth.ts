// Tells from the partitions of a disk whether its system can use the whole of a larger disk. The
// guest grows its own root when it starts (`../growth-script.ts`, cloud-init, systemd-growfs), and
// can do so only where nothing lies behind it.

import { gib } from '../../lib/gib.ts';
import type { Partition } from './partition.ts';

/** By their types in the older table and in the GPT, as they lie on the disk. */
const names: Record<string, string> = {
  '82': 'swap',
  '6dfd5706aba4c44384e50933c84b4f4f': 'swap',
  '05': 'extended, with others in it',
  '0f': 'extended, with others in it',
  '85': 'extended, with others in it',
  a4bb94ded106404da16abfd50179d6ac: 'a recovery system',
};

/** Returns the end of a sentence; null when nothing is in the way of growth. */
export function growthFaultOf(partitions: readonly Partition[]): string | null {
  const [largest] = partitions.toSorted((one, other) => other.sizeBytes - one.sizeBytes);
  if (largest === undefined) return null;
  const ends = largest.startBytes + largest.sizeBytes;
  const behind = partitions.find(({ startBytes }) => startBytes >= ends);
  if (behind === undefined) return null;
  const kind = names[behind.type];
  return `behind its ${largest.name}, the largest, lies ${behind.name}${kind === undefined ? '' : ` (${kind})`}, so that one keeps its ${gib(largest.sizeBytes)} on a disk of any size; make an image whose largest partition is the last (and swap a file in it)`;
}
