// The doctor: compares the store with the disk of the host, and names a cure for each thing that
// does not fit.

import { AppError } from '../../domain/error.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Engine } from '../../engine/port/engine.ts';
import type { Clock } from '../../lib/clock.ts';
import type { MasterKey } from '../../lib/master-key.ts';
import { examine } from '../../reconcile/doctor.ts';
import type { Finding } from '../../reconcile/findings.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import { keysSealedOtherwise } from './master-key.ts';

interface Patient {
  store: Store;
  engine: Engine;
  masterKey: MasterKey;
  clock: Clock;
}

/**
 * Changes nothing. To have each layer read first, call `layerVerify`: a layer that is damaged is
 * quarantined by it, and is then among the findings.
 */
export async function doctor({ store, engine, masterKey, clock }: Patient): Promise<Finding[]> {
  const findings = await examine({ store, engine, clock });
  await engine.check(withoutJob()).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    findings.push({
      severity: 'error',
      subject: 'the engine',
      found: 'cannot work',
      cure: error.message,
    });
  });
  const sealed = await store.read('system', (work) => keysSealedOtherwise(work, masterKey));
  if (sealed.length > 0) {
    findings.push({
      severity: 'error',
      subject: `${sealed.length} of the access keys (${sealed[0]} …)`,
      found: 'cannot be opened with this master key, so nobody can sign with them',
      cure: 'bring back the master.key that belongs to this store; or make new keys: silversmith key rotate',
    });
  }
  return findings;
}
