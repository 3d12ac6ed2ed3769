// Measures the cost of sharing the signatures of requests between servers on one PostgreSQL: the
// same number of concurrent callers use signatures, ask the database a bare `select 1`, and insert
// each signature by a statement of its own. All alternate in one run.

import { randomBytes } from 'node:crypto';
import { Pool } from 'pg';
import { openPostgres } from '../src/store/postgres/open.ts';
import { startPostgres } from '../test/postgres/server.ts';

const rounds = 5;
const roundMs = 1000;

const cleanups: (() => Promise<void>)[] = [];
const scope = { after: (cleanup: () => Promise<void>) => void cleanups.push(cleanup) };
const server = await startPostgres(scope, ['fsync=on']);
const url = await server.database();
const store = await openPostgres({ url, requestsPerSecond: 1e6 });
const pool = new Pool({ connectionString: url, max: 10 });
const { signatures } = store;
if (signatures === null) throw new Error('this store shares no signatures');

const signature = () => randomBytes(32).toString('hex');
const ways: Record<string, () => Promise<unknown>> = {
  shared: () => {
    const signedAt = Date.now() + 1000;
    const keyId = 'bench' as never;
    return signatures.use({ keyId, signature: signature(), signedAt, expiresAt: signedAt });
  },
  'select 1': () => pool.query({ name: 'bare', text: 'select 1' }),
  'one insert each': () =>
    pool.query({
      name: 'insert',
      text: 'insert into read_signature values ($1, $2, $3) on conflict do nothing returning 1',
      values: ['bench', signature(), Date.now()],
    }),
};

/** How many calls end in a second, and the median of their durations in ms. */
async function measure(call: () => Promise<unknown>, callers: number) {
  const until = performance.now() + roundMs;
  const tookMs: number[] = [];
  const one = async () => {
    while (performance.now() < until) {
      const at = performance.now();
      await call();
      tookMs.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: callers }, one));
  tookMs.sort((a, b) => a - b);
  return {
    perSecond: (tookMs.length * 1000) / roundMs,
    medianMs: tookMs[Math.floor(tookMs.length / 2)] ?? 0,
    p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] ?? 0,
  };
}

const median = (values: number[]) =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

for (const callers of [1, 8, 64]) {
  const seen = new Map(Object.keys(ways).map((name) => [name, [] as { [key: string]: number }[]]));
  for (let round = 0; round < rounds; round++)
    for (const [name, call] of Object.entries(ways))
      seen.get(name)?.push(await measure(call, callers));
  const of = (name: string, figure: string) =>
    median((seen.get(name) ?? []).map((one) => one[figure] ?? 0));
  for (const name of Object.keys(ways))
    process.stdout.write(
      `${JSON.stringify({
        callers,
        way: name,
        perSecond: Math.round(of(name, 'perSecond')),
        ofSelect1: Number((of(name, 'perSecond') / of('select 1', 'perSecond')).toFixed(2)),
        medianMs: Number(of(name, 'medianMs').toFixed(2)),
        p99Ms: Number(of(name, 'p99Ms').toFixed(2)),
      })}\n`,
    );
}
await pool.end();
await store.close();
for (const cleanup of cleanups) await cleanup();
