// Group commit: units of work that wait at the same time share one transaction, and so one sync of
// the disk. Each runs in a savepoint, one after another, so a unit that throws undoes only itself
// and each sees what those before it wrote. No unit is answered before the commit, because also a
// refusal may rest on what another unit of the group wrote. When the commit fails, or SQLite undoes
// the whole transaction by itself, the units of the group run again, each in a transaction alone.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { CompiledQuery, type Kysely, type KyselyPlugin } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { Database, Db } from '../sql/schema.ts';
import { waitMostMs } from './database.ts';

// A group holds the event loop until it is committed.
const unitsMost = 64;
const heldMostMs = 10;

const begin = CompiledQuery.raw('savepoint unit');
const undo = CompiledQuery.raw('rollback to unit');
const end = CompiledQuery.raw('release unit');

interface Unit {
  /**
   * Runs the work in an open transaction. The result tells the caller how the work ended. Throws
   * when the whole transaction must be undone.
   */
  run(db: Db, isShared: boolean): Promise<() => void>;
  refuse(error: unknown): void;
  /** Whether it shares its transaction with no other, because a group with it failed. */
  isAlone: boolean;
}

export class GroupCommit {
  readonly #db: Kysely<Database>;
  readonly #limits: { unitMostMs: number; groupMostMs: number };
  readonly #waiting: Unit[] = [];
  #working: Promise<void> | undefined;
  #reruns = 0;

  /**
   * A unit that waits longer than `unitMostMs` for something outside the store, which none should,
   * is ended. No unit joins a group after `groupMostMs`.
   */
  constructor(db: Kysely<Database>, { unitMostMs = waitMostMs, groupMostMs = heldMostMs } = {}) {
    this.#db = db;
    this.#limits = { unitMostMs, groupMostMs };
  }

  /** Resolves when what the work wrote is durable. The work may be run again. */
  write<Result>(work: (db: Db) => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const alone = async (db: Db) => {
        const result = await bounded(db, work, this.#limits.unitMostMs);
        return () => resolve(result);
      };
      const run = (db: Db, isShared: boolean) =>
        isShared
          ? inSavepoint(
              db,
              () => alone(db),
              (error) => () => reject(error),
            )
          : alone(db);
      this.#waiting.push({ run, refuse: reject, isAlone: false });
      this.#working ??= this.#work();
    });
  }

  /** How many units have run again. */
  get reruns(): number {
    return this.#reruns;
  }

  /** Resolves when no unit waits. */
  async idle(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Requests that have arrived meanwhile join the group.
      await nextTurn();
      await this.#commitGroup();
    }
    this.#working = undefined;
  }

  async #commitGroup(): Promise<void> {
    const waited = this.#waiting.length;
    const group: Unit[] = [];
    const answers: (() => void)[] = [];
    try {
      await this.#db.transaction().execute(async (db) => {
        // A unit that is alone needs no savepoint, which copies each page that it changes.
        const isShared = this.#waiting.length > 1 && !this.#waiting[0]?.isAlone;
        const most = isShared ? unitsMost : 1;
        const until = performance.now() + this.#limits.groupMostMs;
        while (group.length < most && performance.now() < until) {
          const unit = this.#waiting.shift();
          if (!unit) break;
          group.push(unit);
          answers.push(await unit.run(db, isShared));
        }
      });
      for (const answer of answers) answer();
    } catch (error) {
      if (group.length > 1) {
        this.#reruns += group.length;
        this.#waiting.unshift(...group.map((unit) => ({ ...unit, isAlone: true })));
      }
      // Without a transaction, units that came while it was waited for still have their time.
      else
        for (const unit of group[0] ? group : this.#waiting.splice(0, waited)) unit.refuse(error);
    }
  }
}

/** Throws when SQLite has undone the whole transaction, because the savepoint is gone then. */
async function inSavepoint<Outcome>(
  db: Db,
  work: () => Promise<Outcome>,
  failed: (error: unknown) => Outcome,
): Promise<Outcome> {
  await db.executeQuery(begin);
  let outcome: Outcome;
  try {
    outcome = await work();
  } catch (error) {
    await db.executeQuery(undo);
    outcome = failed(error);
  }
  await db.executeQuery(end);
  return outcome;
}

/**
 * Refuses statements that the work begins after its end, which would be another unit's, and ends
 * work that waits too long, because all others wait for it.
 */
async function bounded<Result>(
  db: Db,
  work: (db: Db) => Promise<Result>,
  mostMs: number,
): Promise<Result> {
  let hasEnded = false;
  const whileItRuns: KyselyPlugin = {
    transformQuery({ node }) {
      if (hasEnded) throw new Error('this unit of work has ended');
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(tookTooLong()), mostMs);
  try {
    return await Promise.race([work(db.withPlugin(whileItRuns)), late.promise]);
  } finally {
    hasEnded = true;
    clearTimeout(timer);
  }
}

const tookTooLong = () =>
  new AppError('internal', 'The change took too long; nothing was changed.', {
    detail: 'a unit of work waited for something outside the store',
  });
