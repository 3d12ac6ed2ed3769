// Which jobs are claimed, and in which order.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { JobId, OrganisationId } from '../domain/ids.ts';
import { type JobKind, jobKindNames } from '../domain/job.ts';
import type { ClaimableJob, RunningJob } from '../store/port/job.ts';
import { ClaimTurns, planClaims, retryDelayMs } from './claim.ts';

const now = 1000;
const limits = {
  imageCapture: 1,
  imageExport: 1,
  imageImport: 2,
  imageInstall: 2,
  imageReuse: 2,
  layerCompact: 1,
  machineStart: 3,
  machineStop: 1,
  templateMake: 1,
};
const kind = 'machineStart';
const anyJob = fc.record({
  kind: fc.constantFrom(...jobKindNames),
  organisationId: fc.integer({ min: 1, max: 5 }) as fc.Arbitrary<OrganisationId>,
  leaseUntil: fc.constantFrom(null, now - 1, now, now + 1),
  cancelRequestedAt: fc.constant(null),
});
const isRunning = ({ leaseUntil }: Pick<RunningJob, 'leaseUntil'>) => (leaseUntil ?? 0) > now;

/** Jobs with the same chance, of which some are running or have a lease that is over. */
function queueOf(given: readonly Omit<RunningJob, 'id'>[]) {
  const jobs = given.map((job, index) => ({ ...job, id: (index + 1) as JobId }));
  const running = jobs.filter(({ leaseUntil }) => leaseUntil !== null);
  return { jobs, running, due: jobs.filter(({ leaseUntil }) => leaseUntil === null), now, limits };
}

describe('planClaims', () => {
  it('claims what is due or orphaned, within the limits, each once, and leaves no room unused', () => {
    fc.assert(
      fc.property(fc.array(anyJob, { maxLength: 40 }), (given) => {
        const { jobs, ...queue } = queueOf(given);
        const claims = planClaims({ ...queue, isShared: false }, new ClaimTurns());
        assert.equal(new Set(claims).size, claims.length);
        for (const one of jobKindNames) {
          const ofKind = jobs.filter((job) => job.kind === one);
          const ready = ofKind.filter((job) => !isRunning(job));
          const room = Math.max(0, limits[one] - (ofKind.length - ready.length));
          const claimed = claims.filter((job) => job.kind === one);
          assert.equal(claimed.length, Math.min(room, ready.length));
          assert.ok(claimed.every(({ id }) => ready.some((job) => job.id === id)));
        }
      }),
    );
  });

  it('leaves the last of several slots to an organisation that has none, where there are several', () => {
    fc.assert(
      fc.property(fc.array(anyJob, { maxLength: 40 }), (given) => {
        const { jobs, ...queue } = queueOf(given);
        const claims = planClaims({ ...queue, isShared: true }, new ClaimTurns());
        for (const one of jobKindNames) {
          const held = jobs.filter((job) => job.kind === one && isRunning(job));
          const all = [...held, ...claims.filter((job) => job.kind === one)];
          const organisations = new Set(all.map(({ organisationId }) => organisationId));
          const mayFill = limits[one] === 1 || organisations.size > 1 || all.length < limits[one];
          assert.ok(mayFill || held.length >= limits[one], `${one} is filled by one organisation`);
        }
      }),
    );
  });

  it('claims the oldest job of an organisation first', () => {
    const { jobs, ...queue } = queueOf(
      Array.from({ length: 5 }, () => ({
        ...{ kind: kind as JobKind, organisationId: 1 as OrganisationId, leaseUntil: null },
        cancelRequestedAt: null,
      })),
    );
    const claims = planClaims({ ...queue, isShared: false }, new ClaimTurns());
    assert.deepEqual(
      claims,
      jobs.slice(0, limits[kind]).map(({ leaseUntil, ...job }) => ({ ...job, leaseUntil })),
    );
  });

  it('waits longer after every failure, up to a minute', () => {
    assert.deepEqual([1, 2, 3, 4, 20].map(retryDelayMs), [1000, 2000, 4000, 8000, 60_000]);
  });
});

/** What happens next: jobs arrive, a running job ends or loses its lease, or a pass claims. */
const anyEvent = fc.oneof(
  fc.record({
    what: fc.constant('arrive' as const),
    organisationId: fc.integer({ min: 1, max: 6 }) as fc.Arbitrary<OrganisationId>,
    count: fc.integer({ min: 1, max: 30 }),
  }),
  fc.record({ what: fc.constantFrom('end' as const, 'orphan' as const), which: fc.nat() }),
  fc.constant({ what: 'pass' as const }),
);

/** A queue of one kind, with one server. */
class Simulated {
  readonly due: ClaimableJob[] = [];
  readonly running: RunningJob[] = [];
  readonly #turns = new ClaimTurns();
  readonly #slots: number;
  #serial = 0;

  constructor(slots: number) {
    this.#slots = slots;
  }

  arrive(organisationId: OrganisationId, count: number): void {
    for (let left = count; left > 0; left--)
      this.due.push({ id: ++this.#serial as JobId, kind, organisationId });
  }

  end(which: number): void {
    this.running.splice(which % Math.max(1, this.running.length), 1);
  }

  orphan(which: number): void {
    const job = this.running[which % Math.max(1, this.running.length)];
    if (job) job.leaseUntil = 0;
  }

  /** The organisations with a job that could be claimed. */
  waiting(): Set<OrganisationId> {
    const orphans = this.running.filter((job) => !isRunning(job));
    return new Set([...this.due, ...orphans].map(({ organisationId }) => organisationId));
  }

  held(id: OrganisationId): number {
    return this.running.filter((job) => isRunning(job) && job.organisationId === id).length;
  }

  free(): number {
    return this.#slots - this.running.filter(isRunning).length;
  }

  /** Calls `look` before each claim. */
  pass(isShared: boolean, look: (claimed: OrganisationId) => void): void {
    const { due, running } = this;
    const queue = { due, running, now, limits: { ...limits, [kind]: this.#slots }, isShared };
    const claims = planClaims(queue, this.#turns);
    this.#turns.take(claims);
    for (const job of claims) {
      look(job.organisationId);
      for (const list of [due, running]) {
        const at = list.findIndex(({ id }) => id === job.id);
        if (at >= 0) list.splice(at, 1);
      }
      running.push({ ...job, leaseUntil: now + 1, cancelRequestedAt: null });
    }
  }
}

describe('of k organisations that wait', () => {
  it('each has one of any k claims, while it could have the slot', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.boolean(),
        fc.array(anyEvent, { minLength: 10, maxLength: 200 }),
        (slots, isShared, events) => {
          const queue = new Simulated(slots);
          /** Who was served since an organisation began to wait, or since its last turn. */
          const servedSince = new Map<OrganisationId, Set<OrganisationId>>();
          const look = (claimed: OrganisationId) => {
            const spare = isShared && slots > 1 ? 1 : 0;
            for (const id of queue.waiting()) {
              // A slot that was left to others passes those by who have one.
              if (queue.free() <= spare && queue.held(id) > 0) continue;
              const served = servedSince.get(id) ?? new Set();
              servedSince.set(id, served);
              if (id === claimed) continue;
              assert.ok(!served.has(claimed), `${claimed} has two turns while ${id} waits`);
              served.add(claimed);
            }
            servedSince.delete(claimed);
          };
          for (const event of events) {
            if (event.what === 'arrive') queue.arrive(event.organisationId, event.count);
            else if (event.what === 'pass') queue.pass(isShared, look);
            else queue[event.what](event.which);
            for (const id of servedSince.keys())
              if (!queue.waiting().has(id)) servedSince.delete(id);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('each has half of the claims of two, though one has 1,200 jobs and came first', () => {
    const queue = new Simulated(8);
    const [many, few] = [1 as OrganisationId, 2 as OrganisationId];
    queue.arrive(many, 1200);
    queue.pass(true, () => {});
    queue.arrive(few, 3);
    const order: OrganisationId[] = [];
    while (order.length < 6) {
      queue.pass(true, (id) => void order.push(id));
      queue.end(0);
    }
    assert.deepEqual(order.slice(0, 6), [few, many, few, many, few, many]);
  });

  it('one that waits gets a slot at once, though the jobs of another one never end', () => {
    const queue = new Simulated(3);
    queue.arrive(1 as OrganisationId, 10);
    queue.pass(true, () => {});
    queue.arrive(2 as OrganisationId, 1);
    queue.pass(true, () => {});
    assert.deepEqual(
      queue.running.map(({ organisationId }) => organisationId),
      [1, 1, 2],
    );
  });
});
