// How the files of two images differ. It is found by a process in a cage that reads both disks,
// when somebody asks for it, and is kept for the pair of layers.

import { invalid } from './error.ts';
import type { LayerId } from './ids.ts';

const fileKinds = ['file', 'folder', 'link', 'other'] as const;

export interface FileFacts {
  kind: (typeof fileKinds)[number];
  sizeBytes: number;
  /** Permissions, with the bits of the kind. */
  mode: number;
  uid: number;
  gid: number;
  /** Seconds since 1970. */
  modifiedS: number;
}

export interface FileChange {
  path: string;
  /** Null for a file that was added. */
  before: FileFacts | null;
  /** Null for a file that was removed. */
  after: FileFacts | null;
}

export interface FileDifference {
  /** In the order of a walk: by folder, and by name in it. */
  changes: FileChange[];
  /** What the difference lacks. */
  notes: string[];
}

export interface FileDifferenceRow {
  fromLayerId: LayerId;
  toLayerId: LayerId;
  state: 'wanted' | 'listed' | 'unread';
  reason: string | null;
  attempts: number;
  askedAt: number;
  /** The difference as JSON, packed with gzip, in base64; null unless it is listed. */
  content: string | null;
}

export const fileChangesMax = 5000;
/** So many files of both disks are looked at. */
export const filesLookedAtMax = 1_000_000;
export const filePathMax = 4096;
export const fileDifferenceBytesMax = 32 * 1024 ** 2;
/** So many differences are kept, the newest. */
export const fileDifferencesKeptMax = 200;

const isFacts = (one: FileFacts | null) =>
  one === null ||
  (fileKinds.includes(one.kind) &&
    [one.sizeBytes, one.mode, one.uid, one.gid, one.modifiedS].every(Number.isSafeInteger));

/** Reads what a process in a cage has printed. Throws `invalid` for anything else. */
export function parseFileDifference(text: string): FileDifference {
  try {
    const { changes, notes } = JSON.parse(text) as FileDifference;
    const isGood = ({ path, before, after }: FileChange) =>
      typeof path === 'string' && path.length <= filePathMax && isFacts(before) && isFacts(after);
    const isShort = (note: string) => typeof note === 'string' && note.length <= 1000;
    if (changes.length <= fileChangesMax && changes.every(isGood) && notes.every(isShort))
      return { changes, notes: notes.slice(0, 20) };
  } catch {
    // The error below is for this and for a difference with wrong fields.
  }
  throw invalid('The difference of the files is damaged.');
}
