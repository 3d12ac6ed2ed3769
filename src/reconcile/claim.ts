// Decides which jobs to claim next. Everything here is pure, so that it can be read and tested
// without a store.
//
// Claims of a kind go round the organisations: the one that was served longest ago comes first. So
// of k organisations that wait, each has one of any k claims, however many jobs another one queued.

import type { Freeze } from '../domain/host.ts';
import type { OrganisationId } from '../domain/ids.ts';
import { type JobKind, jobKindNames, jobKindsThat } from '../domain/job.ts';
import type { ClaimableJob, RunningJob } from '../store/port/job.ts';

interface Queue {
  /** The running jobs of all servers. One whose lease is over may be claimed. */
  running: readonly RunningJob[];
  /** Queued jobs that are due; of one organisation and kind in the order of their turns. */
  due: readonly ClaimableJob[];
  now: number;
  limits: Record<JobKind, number>;
  /** Whether there are several organisations. */
  isShared: boolean;
}

const isRunning = ({ leaseUntil }: RunningJob, now: number) => (leaseUntil ?? 0) > now;

/** How many jobs of each kind may be claimed beside those that run; never below 0. */
export function roomOf({ running, now, limits }: Omit<Queue, 'due' | 'isShared'>) {
  const room = { ...limits };
  for (const job of running) if (isRunning(job, now)) room[job.kind]--;
  for (const kind of jobKindNames) room[kind] = Math.max(0, room[kind]);
  return room;
}

/**
 * Returns the jobs to claim now, in the order of their turns: of each kind, as many as its limit
 * leaves beside those that run. Where there are several organisations, the last of several slots is
 * left to one that has no job of the kind running, because a job may take long.
 */
export function planClaims(queue: Queue, turns: ClaimTurns): ClaimableJob[] {
  const { running, due, now, limits, isShared } = queue;
  const room = roomOf(queue);
  return jobKindNames.flatMap((kind) => {
    const ofKind = running.filter((job) => job.kind === kind);
    const open = [...ofKind.filter((job) => !isRunning(job, now)), ...due];
    const waiting = open.filter((job) => job.kind === kind);
    const held = Map.groupBy(
      ofKind.filter((job) => isRunning(job, now)),
      ({ organisationId }) => organisationId,
    );
    const parties = [...Map.groupBy(waiting, ({ organisationId }) => organisationId)].map(
      ([id, jobs]) => ({ id, jobs, held: held.get(id)?.length ?? 0 }),
    );
    parties.sort((one, other) => turns.last(kind, one.id) - turns.last(kind, other.id));
    return goRound(parties, room[kind], isShared && limits[kind] > 1 ? 1 : 0);
  });
}

interface Party {
  jobs: readonly ClaimableJob[];
  held: number;
}

/** Gives slots to the parties in turn; `spare` of them to such as have none. */
function goRound(parties: readonly Party[], slots: number, spare: number): ClaimableJob[] {
  const claims: ClaimableJob[] = [];
  const circle = parties.map(({ jobs, held }) => ({ jobs, held, taken: 0 }));
  for (let left = slots; left > 0; left--) {
    const at = circle.findIndex(({ held }) => left > spare || held === 0);
    const [party] = at < 0 ? [] : circle.splice(at, 1);
    const job = party?.jobs[party.taken];
    if (!party || !job) break;
    claims.push(job);
    party.held++;
    if (++party.taken < party.jobs.length) circle.push(party);
  }
  return claims;
}

/** So many organisations are remembered for each kind. */
const rememberedMax = 10_000;

/**
 * Remembers when each organisation last had its turn. Each server has its own turns, and a restart
 * forgets them: what is lost is an order and no work.
 */
export class ClaimTurns {
  /** By kind: the organisations that had a turn, the latest last. */
  readonly #taken = new Map<JobKind, Map<OrganisationId, number>>();
  #count = 0;

  /** A number that is larger for a later turn; 0 when there was none. */
  last(kind: JobKind, id: OrganisationId): number {
    return this.#taken.get(kind)?.get(id) ?? 0;
  }

  /** Notes that these jobs were claimed, in this order. */
  take(jobs: readonly ClaimableJob[]): void {
    for (const { kind, organisationId } of jobs) {
      const taken = this.#taken.get(kind) ?? new Map<OrganisationId, number>();
      this.#taken.set(kind, taken);
      taken.delete(organisationId);
      taken.set(organisationId, ++this.#count);
      const [oldest] = taken.size > rememberedMax ? taken.keys() : [];
      if (oldest !== undefined) taken.delete(oldest);
    }
  }
}

/** The kinds of job that are not claimed while these files are frozen. */
export const blockedKinds = (frozen: readonly Freeze[]): JobKind[] =>
  jobKindsThat(({ blockedBy }) => blockedBy !== null && frozen.includes(blockedBy));

const retryBaseMs = 1000;
/** No job waits longer before it is tried again. */
export const retryMostMs = 60_000;

/** How long a job waits after so many failures: twice as long each time, up to a limit. */
export function retryDelayMs(failures: number): number {
  return Math.min(retryBaseMs * 2 ** Math.max(0, failures - 1), retryMostMs);
}
