// The database's clock, which all servers on one database follow, so that a lease ends at the same
// moment for all of them, whatever the clocks of their hosts say.
//
// The time is measured every `measureMs` and carried on by the monotonic clock of this host in
// between. It is wrong by half of the measurement's duration at most, and by the drift since then.

import type { Pool } from 'pg';
import { type Clock, systemClock } from '../../lib/clock.ts';

const measureMs = 10_000;

interface DatabaseClock extends Clock {
  stop(): void;
}

/** Throws the error of the connection when the time cannot be measured. */
export async function followDatabase(pool: Pool): Promise<DatabaseClock> {
  let measured = await measure(pool);
  const timer = setInterval(async () => {
    // Without the database, the time goes on from the last measurement.
    measured = await measure(pool).catch(() => measured);
  }, measureMs);
  timer.unref();
  return {
    ...systemClock,
    now: () => Math.floor(measured.now + systemClock.monotonic() - measured.monotonic),
    stop: () => clearInterval(timer),
  };
}

async function measure(pool: Pool): Promise<{ now: number; monotonic: number }> {
  const before = systemClock.monotonic();
  const { rows } = await pool.query<{ ms: number }>(
    'select cast(extract(epoch from clock_timestamp()) * 1000 as double precision) as ms',
  );
  const after = systemClock.monotonic();
  return { now: Number(rows[0]?.ms), monotonic: (before + after) / 2 };
}
