// The search for queued jobs that are due, round the organisations. It steps through an index
// (`job_queued`) from each organisation to the next and from each of the few jobs that it takes to
// the next. So its work grows with the organisations that wait and not with the jobs that wait.

import { type Expression, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import type { JobKind } from '../../domain/job.ts';
import type { ClaimableJob } from '../port/job.ts';
import type { Database } from './schema.ts';

type Jobs = SelectQueryBuilder<Database, 'job', object>;

const when = (text: string): Expression<SqlBool> => sql.raw<boolean>(text);

/**
 * A statement that gives jobs, those of an organisation in their order. A party is an organisation
 * with queued jobs of a kind; a chain is its due jobs in their order, as many as its share of the
 * slots. `queued` begins a query on the queued jobs of the scope. A job is due until `now`, and
 * also from `lateFrom` on; a party has one such job at a time.
 */
export function dueJobs(
  kinds: readonly { kind: JobKind; slots: number }[],
  { now, lateFrom }: { now: number; lateFrom: number },
  queued: () => Jobs,
) {
  const lowest = (jobs: Jobs) => jobs.select((e) => e.fn.min('organisationId').as('lowest'));
  const first = (jobs: Jobs) => jobs.select('id').orderBy('notBefore').orderBy('id').limit(1);
  const ofParty = () =>
    queued()
      .where(when('job.kind = party.kind'))
      .where(when('job.organisation_id = party.organisation_id'));
  const due = ofParty().where('notBefore', '<=', now);
  const late = ofParty().where('notBefore', '>', lateFrom);
  const next = queued()
    .where(when('job.kind = chain.kind'))
    .where(when('job.organisation_id = chain.organisation_id'))
    .where('notBefore', '<=', now)
    .where(
      when(`(job.not_before, job.id) >
        ((select one.not_before from job one where one.id = chain.id), chain.id)`),
    );
  const begins = kinds.map(
    ({ kind, slots }) => sql`select cast(${kind} as text), cast(${slots} as integer),
      (${lowest(queued().where('kind', '=', kind))})`,
  );
  const following = lowest(
    queued()
      .where(when('job.kind = party.kind'))
      .where(when('job.organisation_id > party.organisation_id')),
  );
  return sql<ClaimableJob>`
    with recursive party (kind, slots, organisation_id) as (
      ${sql.join(begins, sql` union all `)}
      union all select kind, slots, (${following}) from party where organisation_id is not null),
    head (kind, slots, organisation_id, id) as materialized (
      select kind, slots, organisation_id, coalesce((${first(due)}), (${first(late)}))
      from party where organisation_id is not null),
    crowd (kind, parties) as (
      select kind, count(*) from head where id is not null group by kind),
    chain (kind, organisation_id, more, id) as (
      select head.kind, organisation_id, (slots + parties - 1) / parties - 1, id
      from head join crowd on crowd.kind = head.kind where id is not null
      union all select kind, organisation_id, more - 1, (${first(next)})
      from chain where more > 0 and id is not null)
    select id, kind, organisation_id from chain where id is not null order by more desc`;
}
