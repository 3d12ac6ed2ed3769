// Remembers the signatures of requests for all servers on one database, so that a request that one
// server has answered is refused by every other one, from the same moment on.
//
// All requests that arrive while one statement is under way share the next one, so that the cost
// per request falls as the load grows. The tables are not logged: nothing waits for a disk, and a
// crash of the database empties them. Each statement therefore also reads the row that says since
// when signatures are remembered; when it is gone, that time begins anew, and requests that were
// signed before it are refused.

import type { Pool } from 'pg';
import { failedForNow } from '../../domain/error.ts';
import type { SignatureUse, SignedRequest } from '../../domain/signature.ts';
import type { SharedSignatures } from '../port/signature.ts';

const batchMax = 500;
/** Requests that wait for a statement beyond these are refused, since the database is too slow. */
const waitingMax = 10_000;
/** Signatures that this server remembers itself, of the newest requests. */
const knownMax = 100_000;

const tooSlow = () =>
  failedForNow(
    'The database is too slow for so many requests; nothing was changed. Try again later.',
  );

interface Waiting extends SignedRequest {
  /** Whether the request counts against the rate of its key. */
  counts: boolean;
  resolve(use: SignatureUse): void;
  reject(error: unknown): void;
}

interface Answer {
  /** The signatures that were new. */
  fresh: string[] | null;
  /** By key: the requests that count now, as a level that falls with time. */
  levels: Record<string, number> | null;
  /** Since when signatures are remembered. */
  since: number | null;
}

/**
 * The marker's row has no key. `least` keeps a clock that goes back from adding to a level. A key's
 * level may exceed the burst by the requests of one statement, which are then refused.
 */
const useSql = `
with given as (
  select * from unnest($1::text[], $2::text[], $3::bigint[]) as g (key_id, signature, expires_at)
), fresh as (
  insert into read_signature (key_id, signature, expires_at)
  select key_id, signature, expires_at from given order by key_id, signature
  on conflict do nothing returning signature
), counted as (
  insert into request_rate (key_id, level, at)
  select * from unnest($4::text[], $5::float8[], array_fill($6::bigint, array[cardinality($4::text[])]))
    as c (key_id, level, at) order by key_id
  on conflict (key_id) do update set
    level = excluded.level + greatest(0, least($7::float8, request_rate.level)
      - greatest(0, excluded.at - request_rate.at) * $8::float8),
    at = greatest(request_rate.at, excluded.at)
  returning key_id, level
)
select (select json_agg(signature) from fresh) as fresh,
  (select json_object_agg(key_id, level) from counted) as levels,
  (select expires_at from read_signature where key_id = '' and signature = '') as since`;

/** The marker's `expires_at` is the time since which signatures are remembered. */
const beginSql = `
insert into read_signature (key_id, signature, expires_at) values ('', '', $1)
on conflict (key_id, signature) do update set expires_at = excluded.expires_at
where read_signature.expires_at > excluded.expires_at`;

/** There is a row for each request, so they are kept for this long only after they are over. */
const keptMs = 15 * 60_000;
const pruneEveryMs = 60_000;

/** Removes a portion, so that no statement takes long. The marker's row stays. */
const pruneSql = `
delete from read_signature where ctid in (
  select ctid from read_signature where expires_at < $1 and key_id <> '' limit 50000)`;

interface SignatureOptions {
  now: () => number;
  /** The lasting rate at which one key may send, and twice as many at once; 0: no limit. */
  requestsPerSecond: number;
}

export class PostgresSignatures implements SharedSignatures {
  readonly #pool: Pool;
  readonly #options: SignatureOptions;
  #waiting: Waiting[] = [];
  #isBusy = false;
  #known = new Set<string>();
  #before = new Set<string>();
  #pruning: NodeJS.Timeout | undefined;

  constructor(pool: Pool, options: SignatureOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  has(signature: string): boolean {
    return this.#known.has(signature) || this.#before.has(signature);
  }

  /** Begins to remember, unless another server has begun. Call it once, before the first use. */
  async begin(): Promise<void> {
    await this.#ask([]);
    this.#pruning = setInterval(() => void this.prune().catch(() => {}), pruneEveryMs);
    this.#pruning.unref();
  }

  /** Forgets signatures whose requests have been over for a while. */
  async prune(): Promise<void> {
    const { now } = this.#options;
    let removed: number | null;
    do removed = (await this.#pool.query(pruneSql, [now() - keptMs])).rowCount;
    while (removed);
  }

  end(): void {
    clearInterval(this.#pruning);
  }

  use(request: SignedRequest): Promise<SignatureUse> {
    return this.#add({ ...request, counts: true });
  }

  refuse(request: SignedRequest): void {
    this.#add({ ...request, counts: false }).catch(() => {});
  }

  #add(request: Omit<Waiting, 'resolve' | 'reject'>): Promise<SignatureUse> {
    // Two requests with one signature may arrive before the first is judged.
    if (this.has(request.signature)) return Promise.resolve({ is: 'used' });
    this.#know(request.signature);
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= waitingMax) return reject(tooSlow());
      this.#waiting.push({ ...request, resolve, reject });
      void this.#send();
    });
  }

  #know(signature: string): void {
    if (this.#known.size >= knownMax / 2) {
      this.#before = this.#known;
      this.#known = new Set();
    }
    this.#known.add(signature);
  }

  async #send(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchMax);
      try {
        this.#judge(batch, await this.#ask(batch));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isBusy = false;
  }

  async #ask(batch: readonly Waiting[]): Promise<Answer> {
    const { now, requestsPerSecond } = this.#options;
    const at = now();
    const counts = new Map<string, number>();
    if (requestsPerSecond > 0)
      for (const { keyId, counts: isCounted } of batch)
        if (isCounted) counts.set(keyId, (counts.get(keyId) ?? 0) + 1);
    const { rows } = await this.#pool.query<Answer>(useSql, [
      batch.map(({ keyId }) => keyId),
      batch.map(({ signature }) => signature),
      batch.map(({ expiresAt }) => expiresAt),
      [...counts.keys()],
      [...counts.values()],
      at,
      2 * requestsPerSecond,
      requestsPerSecond / 1000,
    ]);
    const answer = rows[0] ?? { fresh: null, levels: null, since: null };
    // A time in the future was written before the clock of the database was set back.
    if (answer.since !== null && answer.since <= at) return answer;
    // Nothing is known of the time before: this was the first statement ever, or after a crash.
    await this.#pool.query(beginSql, [at]);
    return { ...answer, since: at };
  }

  #judge(batch: readonly Waiting[], { fresh, levels, since }: Answer): void {
    const isFresh = new Set(fresh);
    /** By key: how many requests of this batch have to be refused as too many. */
    const excess = new Map<string, number>();
    const burst = 2 * this.#options.requestsPerSecond;
    for (const [key, level] of Object.entries(levels ?? {}))
      excess.set(key, Math.ceil(Math.max(0, level - burst)));
    // The last to come are those that are too many.
    for (const { keyId, signature, signedAt, counts, resolve } of batch.toReversed()) {
      const tooMany = excess.get(keyId) ?? 0;
      if (!isFresh.has(signature)) resolve({ is: 'used' });
      else if (signedAt < (since ?? 0)) resolve({ is: 'early' });
      else if (counts && tooMany > 0) {
        excess.set(keyId, tooMany - 1);
        const waitMs = Math.ceil((1000 * tooMany) / this.#options.requestsPerSecond);
        resolve({ is: 'fast', waitMs });
      } else resolve({ is: 'new' });
    }
  }
}
