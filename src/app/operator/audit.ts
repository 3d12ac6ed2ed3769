// The operator's audit trail: the changes on the host itself, with their operators and outcomes.

import type { OperatorEntry } from '../../domain/operator-audit.ts';
import type { Store } from '../../store/port/unit-of-work.ts';

/** The newest entries, newest first, at most `limit`. */
export const auditList = (store: Store, limit: number): Promise<OperatorEntry[]> =>
  store.read('system', ({ operatorAudit }) => operatorAudit.list(limit));
