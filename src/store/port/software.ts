// Software that can be installed. It belongs to the operator, and every organisation sees it.

import type { SoftwareId } from '../../domain/ids.ts';
import type { OfferUses } from '../../domain/offer.ts';
import type { Software } from '../../domain/software.ts';

export type SoftwareContent = Pick<Software, 'name' | 'sizeGb' | 'recipe'> &
  Partial<Pick<Software, 'version'>>;

export interface SoftwareReader {
  /**
   * All software, also what is retired, or that with the given ids as far as it exists, in order of
   * id.
   */
  list(ids?: readonly SoftwareId[]): Promise<Software[]>;
  /** What has a title in it. */
  uses(id: SoftwareId): Promise<OfferUses>;
}

export interface SoftwareWriter extends SoftwareReader {
  /** The digest of the recipe is computed by the store. */
  add(software: SoftwareContent): Promise<Software>;
  /** Replaces the content, and computes the digest again. Throws not-found. */
  update(id: SoftwareId, software: SoftwareContent): Promise<Software>;
  setRetired(id: SoftwareId, retiredAt: number | null): Promise<void>;
  /** Forgets a title that nothing uses. */
  remove(id: SoftwareId): Promise<void>;
}
