// The heir: the server that takes over a place after a death. It must finish the work, and
// repeat every answer that the dead server gave.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { serve } from '../../src/server/serve.ts';
import { waitFor } from '../support.ts';
import { ask, type Exchange } from './exchange.ts';
import { assertNothingLeft } from './nothing-left.ts';
import { endTaskLeases, firstValue, type Place } from './place.ts';
import { configOf, type Prepared, settingsOf, worldOf } from './preparation.ts';
import type { Scenario } from './scenario.ts';

const restMs = 300_000;

/** Whether the work of a scenario is over, according to the store. */
export async function isDone(place: Place, { done }: Scenario): Promise<boolean> {
  const sql = done ?? "select count(*) = 0 from job where state in ('queued', 'running')";
  // PostgreSQL answers with true or '1', SQLite with 1.
  return Number(await firstValue(place, sql)) === 1;
}

/**
 * Starts another server on the data that the first left. Each request is sent again under its key:
 * a request that was answered must get the same answer, and any other is carried out now. Throws
 * when a check fails.
 */
export async function takeOver(
  { scenario, engine, furnished }: Prepared,
  place: Place,
  exchanges: readonly Exchange[],
): Promise<void> {
  const config = configOf(place, engine);
  const heir = await serve({ ...config, settings: settingsOf(scenario, engine, place) });
  try {
    const world = worldOf(heir, place.dataDir, furnished);
    const target = { key: furnished.key, url: heir.url };
    const answers: unknown[] = [];
    for (const [index, one] of scenario.asks.entries()) {
      const before = exchanges[index];
      const wanted = before?.wanted ?? one(world, answers);
      const idempotencyKey = before?.idempotencyKey ?? randomUUID();
      const { answer, replayed } = await ask(target, wanted, idempotencyKey);
      answers.push(answer);
      if (before?.answer === undefined) continue;
      assert.ok(replayed, `${wanted.name} was acknowledged, and is not known any more`);
      assert.deepEqual(answer, before.answer);
    }
    await endTaskLeases(place);
    for (const task of scenario.tasks ?? []) await heir.reconciler.task(task);
    await waitFor(
      'no job is open',
      async () => !(await heir.store.read('system', (work) => work.jobs.open(1))).length,
      restMs,
      20,
    );
    for (const task of ['observe', 'collect', 'sweep', 'collect'] as const)
      await heir.reconciler.task(task);
    await waitFor('all is done', () => isDone(place, scenario));
    await scenario.holds(world);
  } finally {
    await heir.close();
  }
  await assertNothingLeft(place, engine);
}
