// The operator's audit trail: what was changed on the host itself, by whom, and with what outcome.

import type { OperatorEntry } from '../../domain/operator-entry.ts';
import type { Store } from '../../store/port.ts';

/** The newest entries, newest first, at most `limit`. */
export const auditList = (store: Store, limit: number): Promise<OperatorEntry[]> =>
  store.read('system', ({ operatorAudit }) => operatorAudit.list(limit));
