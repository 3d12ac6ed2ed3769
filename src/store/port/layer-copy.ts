// Layer copies: the bytes of layers, by place. They are read with their layer (`Layer.copies`);
// here they are changed, and chosen for verification. The scope does not matter.

import type { LayerCopy, LayerCopyRef } from '../../domain/layer-copy.ts';

export type LayerCopyChange = Partial<
  Pick<LayerCopy, 'state' | 'storedBytes' | 'digest' | 'verifiedAt' | 'fault'>
>;

export interface LayerCopyReader {
  /**
   * The sound copies without a digest, of sealed layers that no job works on, oldest layer first.
   */
  withoutDigest(): Promise<LayerCopy[]>;
  /** The quarantined copies of sealed layers, in no order. */
  quarantined(): Promise<LayerCopy[]>;
  /**
   * The sound copy with a digest that was verified longest ago, of a sealed layer that no job works
   * on. Undefined when all were verified, or made, at or after a time.
   */
  nextToScrub(before: number): Promise<LayerCopy | undefined>;
}

export interface LayerCopyWriter extends LayerCopyReader {
  /** Does nothing when there is no such copy. */
  update(copy: LayerCopyRef, change: LayerCopyChange): Promise<void>;
}
