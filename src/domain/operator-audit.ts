// An entry of the operator's audit trail: one change that was made on the host itself, not over the
// API.

/**
 * `begun`: the work has not ended, or its process died. `refused`: the request was not allowed, and
 * nothing was changed. `failed`: the work was begun and did not succeed.
 */
type OperatorOutcome = 'begun' | 'done' | 'refused' | 'failed';

export interface OperatorEntry {
  id: number;
  /** `operator:NAME`, with the user of the host. */
  operator: string;
  /** Noun and verb, such as `baseAdd`. */
  action: string;
  /** The thing that was changed, as text for people. */
  thing: string;
  outcome: OperatorOutcome;
  /** Why it was refused or failed; null for every other outcome. */
  reason: string | null;
  createdAt: number;
  /** Null while it is `begun`. */
  endedAt: number | null;
}
