// How the files of two layers differ, for pairs that somebody asked for. The scope does not matter
// here: callers reach a layer through an image that their scope has shown.

import type { FileDifferenceRow } from '../../domain/file-difference.ts';

export type FilePair = Pick<FileDifferenceRow, 'fromLayerId' | 'toLayerId'>;

export interface FileDifferenceReader {
  /** Undefined when nobody asked for it, or it was forgotten. */
  find(pair: FilePair): Promise<FileDifferenceRow | undefined>;
  /**
   * The pairs that are wanted, of sealed layers that no job works on, the least often tried first;
   * at most `limit`.
   */
  wanted(limit: number): Promise<FilePair[]>;
}

export interface FileDifferenceWriter extends FileDifferenceReader {
  /** Wants a difference, anew unless it is known, and forgets the oldest beyond `keptMax`. */
  want(pair: FilePair, keptMax: number): Promise<void>;
  /** Does nothing when it was forgotten, or a layer is gone. */
  update(
    pair: FilePair,
    change: Partial<Pick<FileDifferenceRow, 'state' | 'reason' | 'attempts' | 'content'>>,
  ): Promise<void>;
}
