// The operator's audit trail: what was changed on the host itself, by whom, and with what outcome.

import type { OperatorEntry } from '../../domain/operator-audit.ts';
import type { Store } from '../../store/port/unit-of-work.ts';

/** The newest entries, newest first, at most `limit`. */
export const auditList = (store: Store, limit: number): Promise<OperatorEntry[]> =>
  store.read('system', ({ operatorAudit }) => operatorAudit.list(limit));
