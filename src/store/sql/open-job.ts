// Conditions on open jobs, for the queries of other nouns.

import { sql } from 'kysely';
import { openJobStates } from '../../domain/job.ts';

const states = openJobStates.map((state) => `'${state}'`).join(', ');

/** SQL that is true where an open job meets a condition on the row of `job`. */
export const openJob = (condition: string): string =>
  `exists (select 1 from job where job.state in (${states}) and ${condition})`;

/** Whether no open job works on the machine that a column names, such as `disk.machine_id`. */
export const isIdle = (machineId: string) =>
  sql<boolean>`not ${sql.raw(openJob(`job.machine_id = ${machineId}`))}`;
