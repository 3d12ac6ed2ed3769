// The soak: clients drive a server with a seeded mix of calls while it is killed at random moments
// and started again. Each change has an Idempotency-Key and is repeated until it is answered, as a
// careful client does. At the end all that was told is checked.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, send } from '../../src/client/client.ts';
import type { JsonOperationName } from '../../src/contract/table.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { examine } from '../../src/reconcile/doctor.ts';
import { backUp } from '../../src/server/backup.ts';
import { openEngine } from '../../src/server/open.ts';
import { restore } from '../../src/server/restore.ts';
import { demoKey, demoServer, storeOf, withoutQuotas } from '../demo-server.ts';
import { waitFor } from '../support.ts';
import { type Call, check, checkAudit } from './history.ts';

const answerMs = 90_000;

export interface SoakOptions {
  /** An empty folder. */
  folder: string;
  seed: number;
  kills: number;
  clients: number;
  /**
   * Done to the folder after each kill, when nobody has a file in it open, such as cutting its
   * power.
   */
  afterKill?: () => Promise<void>;
  /** An empty folder for what is not to suffer from that. */
  aside?: string;
  say?: (line: string) => void;
}

export interface SoakResult {
  calls: number;
  kills: number;
  /** Answers that came only after the server had died in between. */
  repeated: number;
  problems: string[];
}

/** mulberry32: the same seed, the same choices. */
function randomOf(seed: number) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    below: (most: number) => Math.floor(next() * most),
    one: <Item>(items: readonly Item[]): Item | undefined =>
      items[Math.floor(next() * items.length)],
  };
}

export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const {
    folder,
    seed,
    kills,
    clients,
    afterKill = async () => {},
    aside = folder,
    say = () => {},
  } = options;
  const dataDir = join(folder, 'data');
  const server = demoServer(dataDir);
  await server.start();
  const { key, secret } = await demoKey(dataDir);
  const { config, withStore } = storeOf(dataDir);
  await withStore((store) => store.write('system', withoutQuotas));
  const history: Call[] = [];
  let repeated = 0;

  const call = async (
    name: JsonOperationName,
    input: Call['input'] & object,
    url = server.url,
  ): Promise<Call> => {
    const idempotencyKey = randomUUID();
    const requestIds: string[] = [];
    const invokedAt = performance.now();
    const record = (code: number, status: number, answer: unknown): Call => {
      if (requestIds.length > 1) repeated++;
      const done = {
        name,
        input,
        invokedAt,
        completedAt: performance.now(),
        code,
        status,
        answer,
        requestIds,
      };
      history.push(done);
      return done;
    };
    while (true) {
      const requestId = `soak-${randomUUID()}`;
      requestIds.push(requestId);
      try {
        const headers = { 'idempotency-key': idempotencyKey, 'x-request-id': requestId };
        const response = await send(
          { url: url(), key, secret, timeoutMs: 10_000 },
          name,
          input as never,
          { headers },
        );
        return record(200, 200, await response.json());
      } catch (error) {
        if (error instanceof ApiError && error.status !== 503)
          return record(error.clientCode, error.status, { message: error.message });
        if (performance.now() - invokedAt > answerMs) throw error;
        await sleep(20);
      }
    }
  };

  let [running, made] = [true, 0];
  const client = async (number: number) => {
    const random = randomOf(seed * 1000 + number);
    const images: number[] = [];
    const deleted: number[] = [];
    const machine = () => 1 + random.below(6);
    while (running) {
      const dice = random.next();
      const image = random.one(images);
      if (dice < 0.12) {
        const software_ids = [1, 2, 3, 4].filter(() => random.next() < 0.4);
        if (software_ids.length === 0) software_ids.push(1);
        const { code, answer } = await call('imageInstall', {
          software_ids,
          name: `s${number}-${made++}`,
        } as never);
        if (code === 200) images.push(Number(answer.attributes.id));
      } else if (dice < 0.24) {
        const { code, answer } = await call('imageCapture', {
          machine_id: machine(),
          name: `c${number}-${made++}`,
        });
        if (code === 200) images.push(Number(answer.attributes.id));
      } else if (dice < 0.34) await call('machineStart', { id: machine() });
      else if (dice < 0.46) await call('machineStop', { id: machine() });
      else if (dice < 0.49) await call('machineReset', { id: machine() });
      else if (dice < 0.52) await call('machineRestore', { id: machine() });
      else if (dice < 0.56) {
        const id = random.one(deleted);
        if (id !== undefined) await call('imageRestore', { id });
      } else if (dice < 0.76) await call('machineGet', { id: machine() });
      else if (dice < 0.8) await call('imageList', { per_page: 100 } as never);
      else if (image === undefined) continue;
      else if (dice < 0.86)
        await call('imageAssign', { id: image, machine_ids: [...new Set([machine(), machine()])] });
      else if (dice < 0.9) {
        const { code } = await call('imageDelete', { id: image });
        if (code === 200) deleted.push(image);
      } else await call('imageGet', { id: image });
    }
  };
  const working = Array.from({ length: clients }, (_, number) => client(number));
  const moments = randomOf(seed);
  const copies: { folder: string; from: number; to: number }[] = [];
  let killed = 0;
  const killing = (async () => {
    while (killed < kills) {
      await sleep(50 + moments.below(900));
      if (killed === Math.floor(kills / 2)) {
        const copy = { folder: join(aside, 'backup'), from: performance.now(), to: 0 };
        const engine = await openEngine(config);
        await withStore((store) => backUp({ store, engine, dataDir }, copy.folder, { keys: true }));
        copies.push({ ...copy, to: performance.now() });
      }
      await server.end('SIGKILL');
      await afterKill();
      killed++;
      if (killed % 20 === 0) say(`${killed} kills, ${history.length} answers`);
      await server.start();
    }
  })();
  await Promise.race([killing, Promise.all(working)]);
  running = false;
  await Promise.all(working);

  await withStore((store) =>
    waitFor(
      'no job is open',
      async () => (await store.read('system', (work) => work.jobs.open(1000))).length === 0,
      120_000,
      100,
    ),
  );
  const known = [
    ...new Set(history.flatMap(({ answer }) => Number(answer?.attributes?.id ?? 0))),
  ].filter(
    (id) =>
      id > 0 &&
      history.some(
        ({ name, answer }) => /^image/.test(name) && Number(answer?.attributes?.id) === id,
      ),
  );
  const readAll = async (url?: () => string) => {
    for (const id of known) await call('imageGet', { id }, url);
    for (let id = 1; id <= 6; id++) await call('machineGet', { id }, url);
  };
  // What a backup holds is one more look at the state, somewhere within the time that it took.
  for (const copy of copies) {
    const brought = join(aside, 'restored');
    await restore(copy.folder, brought, 'operator:test');
    const other = demoServer(brought);
    await other.start();
    const first = history.length;
    await readAll(other.url);
    for (const read of history.slice(first)) {
      read.invokedAt = copy.from;
      read.completedAt = copy.to;
      // What was under way has gone on there; that it is there is what counts.
      if (read.name === 'imageGet' && read.code === 200) read.answer = {};
    }
    await other.end('SIGTERM');
  }
  await readAll();
  const problems = check(history);
  await server.end('SIGTERM');
  const database = new DatabaseSync(join(dataDir, 'silversmith.db'));
  const rows = (sql: string) => database.prepare(sql).all() as { text: string }[];
  const logs = database.prepare('select request_id, client_code from audit').all();
  problems.push(...checkAudit(history, logs as { request_id: string; client_code: number }[]));
  const amiss = [
    "select 'image ' || id || ' is ' || status || ' at the end' as text from image where deleted_at is null and status not in ('available', 'failed')",
    "select 'machine ' || id || ' is ' || status || ' at the end' as text from machine where status not in ('off', 'ready')",
    "select name || ' was made ' || count(*) || ' times' as text from image group by name having count(*) > 1",
  ];
  for (const sql of amiss) problems.push(...rows(sql).map(({ text }) => text));
  database.close();
  const engine = await openEngine(config);
  const findings = await withStore((store) => examine({ store, engine, clock: systemClock }));
  problems.push(...findings.map(({ subject, found }) => `${subject} ${found}`));
  return { calls: history.length, kills: killed, repeated, problems };
}
