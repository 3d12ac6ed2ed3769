// Software that can be installed. It belongs to the operator, and every organisation sees it.

import type { SoftwareId } from '../../domain/ids.ts';
import type { Software } from '../../domain/software.ts';

export type SoftwareContent = Pick<Software, 'name' | 'sizeGb' | 'recipe'>;

export interface SoftwareReader {
  /** All software, or that with the given ids as far as it exists, in order of id. */
  list(ids?: readonly SoftwareId[]): Promise<Software[]>;
}

export interface SoftwareWriter extends SoftwareReader {
  /** The digest of the recipe is computed by the store. */
  add(software: SoftwareContent): Promise<Software>;
  /** Replaces the content, and computes the digest again. Throws not-found. */
  update(id: SoftwareId, software: SoftwareContent): Promise<Software>;
}
