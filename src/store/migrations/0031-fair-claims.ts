// An index on queued jobs by kind and organisation, in the order in which they become due. Claims
// go round the organisations by it, so their work does not grow with the jobs that wait.

import { statements } from './statements.ts';

export const fairClaims = statements(
  "create index job_queued on job (kind, organisation_id, not_before, id) where state = 'queued'",
);
