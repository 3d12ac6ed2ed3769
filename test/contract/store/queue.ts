// A long queue of jobs, for the tests that show how it is read.

import type { ClaimableJob } from '../../../src/store/port/job.ts';

export { tenOfEach } from './world.ts';

/**
 * SQL that adds organisations 1 to `organisations` and queued starts. The first organisation has
 * `count` jobs that are due and as many that wait for another attempt; each other one has one.
 */
export function fillQueue(size: { organisations: number; count: number; now: number }): string {
  const { organisations, count, now } = size;
  const many = (columns: string, from: number, to: number) => `select ${columns} from (
    with recursive n (i) as (select ${from} union all select i + 1 from n where i < ${to})
    select i from n) as n`;
  const add = (organisation: string, notBefore: number, from: number, to: number) =>
    `insert into job (kind, organisation_id, state, phase, progress, attempts, not_before, data,
      created_at, updated_at)
    ${many(`'machineStart', ${organisation}, 'queued', 'waiting', 0, 0, ${notBefore}, '{}', 0, 0`, from, to)};`;
  return `
    insert into organisation (id, name, created_at)
      ${many("i, 'organisation ' || i, 0", 1, organisations)} where true on conflict do nothing;
    ${add('1', now - 1000, 1, count)}
    ${add('1', now + 30_000, 1, count)}
    ${add('i', now - 500, 2, organisations)}`;
}

/** The organisations of some jobs, in their order. */
export const waitingOf = (jobs: readonly ClaimableJob[]): number[] =>
  [...new Set(jobs.map(({ organisationId }) => Number(organisationId)))].sort(
    (one, other) => one - other,
  );
