// Measures signed requests on a filled database: pages of images, and assignments of a thousand
// machines; and how often transactions of several servers conflict.

import type pg from 'pg';
import { pathPrefix } from '../../src/contract/envelope.ts';
import type { OrganisationId } from '../../src/domain/ids.ts';
import { quantile } from '../../test/load/figures.ts';
import { commonText, rareText, type Size } from './fill.ts';
import { largest, type Server } from './server.ts';

/** The most machines that one request may name. */
const assignedMax = 1000;
const repeats = 5;

async function timed(work: () => Promise<{ statusCode: number; body: string }>): Promise<number> {
  const begun = performance.now();
  const { statusCode, body } = await work();
  if (statusCode !== 200) throw new Error(`${statusCode} ${body}`);
  return performance.now() - begun;
}

/** Prints the median and the slowest of several requests for each page. */
export async function measurePages(
  { sendRaw }: Server,
  { images, machines }: Size,
  say: (text: string) => void,
): Promise<void> {
  const pages: [string, string, string][] = [
    ['images, first page', '/images', '?page=1'],
    ['images, last page', '/images', `?page=${Math.floor(images / 2 / 20)}`],
    ['images, a rare text', '/images', `?q=${rareText}`],
    ['images, a common text', '/images', `?q=${commonText}`],
    ['machines, first page', '/machines', '?page=1'],
    ['machines, last page', '/machines', `?page=${Math.floor(machines / 2 / 20)}`],
  ];
  for (const [name, path, query] of pages) {
    const taken: number[] = [];
    for (let index = 0; index <= repeats; index++) {
      const ms = await timed(() => sendRaw({ method: 'GET', path: pathPrefix + path, query }));
      // The first one fills caches.
      if (index > 0) taken.push(ms);
    }
    say(
      `  ${name}: ${quantile(taken, 0.5).toFixed(1)} ms, ${Math.max(...taken).toFixed(1)} at most`,
    );
  }
}

const ownOf = async (client: pg.Client, table: string, organisation: number, limit: number) =>
  (
    await client.query(
      `select id::int from ${table} where organisation_id = ${organisation} order by id limit ${limit}`,
    )
  ).rows.map(({ id }) => Number(id));

const assign = (server: Server, image: number, machines: readonly number[]) =>
  server.sendRaw({
    method: 'POST',
    path: `${pathPrefix}/images/${image}/assign`,
    body: JSON.stringify({ machine_ids: machines }),
  });

/** Assigns a thousand machines, then ten thousand one request after another, then all at once. */
export async function measureAssign(
  client: pg.Client,
  server: Server,
  say: (text: string) => void,
): Promise<void> {
  const [image = 0, other = 0] = await ownOf(client, 'image', largest, 2);
  const ids = await ownOf(client, 'machine', largest, 10 * assignedMax);
  const groups = Array.from({ length: Math.ceil(ids.length / assignedMax) }, (_, index) =>
    ids.slice(index * assignedMax, (index + 1) * assignedMax),
  );
  const [first = []] = groups;
  const one: number[] = [];
  for (let index = 0; index < repeats; index++)
    one.push(await timed(() => assign(server, index % 2 === 0 ? image : other, first)));
  say(
    `  ${first.length} machines: ${quantile(one, 0.5).toFixed(0)} ms, ${Math.max(...one).toFixed(0)} at most`,
  );
  let begun = performance.now();
  for (const group of groups) await timed(() => assign(server, image, group));
  say(
    `  ${ids.length} machines, one request after another: ${(performance.now() - begun).toFixed(0)} ms`,
  );
  begun = performance.now();
  await Promise.all(groups.map((group) => timed(() => assign(server, other, group))));
  say(
    `  ${ids.length} machines, all requests at once: ${(performance.now() - begun).toFixed(0)} ms`,
  );
}

const lanes = 8;

/**
 * Eight callers assign ten machines each, again and again, through all servers. `organisations`
 * says whether each has an organisation of its own. `beside` runs meanwhile, again and again.
 */
export async function measureContention(
  client: pg.Client,
  servers: readonly Server[],
  options: { organisations: 'one' | 'each'; seconds: number; beside?: () => Promise<unknown> },
): Promise<{ perSecond: number; p50: number; p99: number; undone: number; errors: string[] }> {
  const { organisations, seconds, beside } = options;
  const taken: number[] = [];
  const errors: string[] = [];
  const before = await rollbacks(client);
  const prepared = async (number: number) => {
    const server = servers[number % servers.length] as Server;
    const organisation = (organisations === 'one' ? largest : 2 + number) as OrganisationId;
    const key = await server.keyOf(organisation);
    const [image = 0] = await ownOf(client, 'image', organisation, 1);
    const machines = await ownOf(client, 'machine', organisation, 10 * (lanes + 1));
    const first = organisations === 'one' ? number * 10 : 0;
    const body = JSON.stringify({ machine_ids: machines.slice(first, first + 10) });
    const path = `${pathPrefix}/images/${image}/assign`;
    return { server, key, path, body };
  };
  const all: Awaited<ReturnType<typeof prepared>>[] = [];
  for (let number = 0; number < lanes; number++) all.push(await prepared(number));
  const until = performance.now() + seconds * 1000;
  const lane = async ({ server, key, path, body }: (typeof all)[number]) => {
    while (performance.now() < until) {
      const begun = performance.now();
      const answer = await server.sendRaw({ method: 'POST', path, body }, key);
      taken.push(performance.now() - begun);
      if (answer.statusCode !== 200) errors.push(answer.body.slice(0, 200));
    }
  };
  const repeat = async () => {
    while (beside && performance.now() < until) await beside();
  };
  await Promise.all([...all.map(lane), repeat()]);
  const undone = (await rollbacks(client)) - before;
  return {
    perSecond: taken.length / seconds,
    p50: quantile(taken, 0.5),
    p99: quantile(taken, 0.99),
    undone: undone / Math.max(1, taken.length),
    errors,
  };
}

/** The transactions that were undone in this database. */
async function rollbacks(client: pg.Client): Promise<number> {
  // Backends report their counters when they have been idle for a second.
  await new Promise((resolve) => setTimeout(resolve, 1200));
  const { rows } = await client.query(
    'select xact_rollback::int as undone from pg_stat_database where datname = current_database()',
  );
  return Number(rows[0]?.undone);
}
