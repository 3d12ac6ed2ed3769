// Intakes: what disks from outside hold in the account while they are taken in. They are written by
// the work itself, in any scope, for any organisation.

import type { LayerId } from '../../domain/ids.ts';
import type { IntakePart } from '../../domain/intake.ts';

export interface IntakeReader {
  /** The parts of the intake that makes a layer, in no order; none when there is no such intake. */
  partsOf(layerId: LayerId): Promise<IntakePart[]>;
  /** Whether there is one that was to be renewed by a time. */
  hasExpired(before: number): Promise<boolean>;
}

export interface IntakeWriter extends IntakeReader {
  /** Puts parts in the place of those that the intakes had, or adds them. */
  hold(parts: readonly IntakePart[]): Promise<void>;
  /** Idempotent. */
  remove(layerId: LayerId): Promise<void>;
  /** Removes those that were to be renewed by a time. */
  removeExpired(before: number): Promise<void>;
}
