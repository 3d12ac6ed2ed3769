// An intake: a disk from outside that is being taken in. How large it becomes is known only when it
// is unpacked and converted, so its room on the host is asked for while its files grow.

import type { LayerId, OrganisationId } from './ids.ts';

/** The account counts this for one part of an intake. */
export interface IntakePart {
  /** The layer that is made. */
  layerId: LayerId;
  /** `scratch`: files that are gone when the layer is made. `layer`: the layer itself. */
  part: 'scratch' | 'layer';
  /** The organisation for which it counts; null: it counts for the host alone. */
  organisationId: OrganisationId | null;
  /** On the disk now. */
  bytes: number;
  /** It may write so much beyond that. */
  reservedBytes: number;
  /** When it counts no more, unless it is renewed, as after the death of its server. */
  expiresAt: number;
}

/** How long an intake counts that is not renewed. */
export const intakeMs = 60_000;
