// Measures signed reads of one server process beside a bare server of node:http that answers
// with the same bytes. Both get the same signed requests from wrk, in turn, in the same run.
// Type: npm run bench reads [-- --store postgres] [--images N] [--seconds N] [--rounds N] [--json]

import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pathPrefix } from '../src/contract/envelope.ts';
import { demoKey } from '../test/demo-server.ts';
import { underLoad } from '../test/load/load.ts';
import { startPostgres } from '../test/postgres/server.ts';
import { joinKeptCounts } from './kept-counts.ts';
import { commonText, fill, fillDatabase, rareText } from './reads/fill.ts';
import { startGlance } from './reads/glance.ts';
import { type Key, load, type Measured, sign } from './reads/load.ts';
import type { Peer } from './reads/peer.ts';
import { startPrism } from './reads/prism.ts';
import { median, type Row, report, rounded, spread } from './report.ts';

const { values: given } = parseArgs({
  options: {
    images: { type: 'string', default: '100000' },
    machines: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '64' },
    store: { type: 'string', default: 'sqlite' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean' },
  },
});
const [images, machines] = [Number(given.images), Number(given.machines)];
const [seconds, rounds] = [Number(given.seconds), Number(given.rounds)];
const connections = Number(given.connections);
/** More than any process of Node answers. */
const requestsMax = 120_000 * seconds;
const changesPerSecond = 50;
/** Of a peer; one that answers a few requests a second needs some time until all had a turn. */
const peerSeconds = 10;

interface Case {
  what: string;
  paths: string[];
  /** The least part of the bare server's answers. */
  goal: string;
  isChanging?: boolean;
}

const page = (query: string) => [`${pathPrefix}/images${query}`];
const list = (query: string) => [`${pathPrefix}/machines${query}`];
const some = Array.from({ length: 1000 }, (_, index) => 1 + index * Math.floor(images / 1000));
const cases: Case[] = [
  { what: 'first page of images', paths: page(''), goal: '0.40' },
  { what: 'first page, 50 changes/s', paths: page(''), goal: '0.15', isChanging: true },
  { what: 'page in the middle', paths: page(`?page=${images / 40}`), goal: '0.20' },
  {
    what: 'the same, 50 changes/s',
    paths: page(`?page=${images / 40}`),
    goal: '',
    isChanging: true,
  },
  { what: 'last page', paths: page(`?page=${images / 20}`), goal: '0.20' },
  { what: 'q rare', paths: page(`?q=${rareText}`), goal: '0.20' },
  { what: 'q common', paths: page(`?q=${commonText}`), goal: '0.20' },
  { what: 'q none', paths: page('?q=nowhere'), goal: '0.20' },
  { what: 'q common, 50 changes/s', paths: page(`?q=${commonText}`), goal: '', isChanging: true },
  { what: 'q of two characters', paths: page('?q=ss'), goal: '' },
  {
    what: 'an image, of 1,000',
    paths: some.map((id) => `${pathPrefix}/images/${id}`),
    goal: '0.40',
  },
  { what: 'page of machines', paths: list(''), goal: '0.40' },
  { what: 'machines by status', paths: list('?status=off'), goal: '0.40' },
  { what: 'machines by q', paths: list('?q=machine%2077'), goal: '0.20' },
  { what: 'software', paths: [`${pathPrefix}/software`], goal: '0.40' },
].filter(({ what }) => what.includes(given.only));

// Looks before a server is started, which would outlive the error.
try {
  execFileSync('wrk', ['--version'], { stdio: 'ignore' });
} catch (error) {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT')
    throw new Error('wrk is missing: apt-get install wrk');
}

const say = (text: string) => process.stderr.write(`${text}\n`);
const folder = await mkdtemp(join(tmpdir(), 'silversmith-bench-'));
const requests = join(folder, 'requests');
const cleanups: (() => unknown)[] = [];
const scope = { after: (cleanup: () => unknown) => void cleanups.push(cleanup) };
const database =
  given.store === 'postgres' ? await (await startPostgres(scope, ['fsync=on'])).database() : null;
const on = await underLoad(
  join(folder, 'data'),
  4,
  ...(database === null ? [] : ['--database-url', database]),
);
const key: Key = await demoKey(join(folder, 'data'));

/** Starts the bare server with an answer. */
async function bare(answer: string) {
  const child = spawn(process.execPath, [new URL('reads/bare.ts', import.meta.url).pathname], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(answer);
  const [port] = await child.stdout.take(1).toArray();
  return { url: `http://127.0.0.1:${String(port).trim()}`, end: () => child.kill() };
}

/** Changes something so many times a second, until it is ended. */
function changing() {
  let [id, refused] = [0, 0];
  const timer = setInterval(async () => {
    id = (id % 1000) + 1;
    const body = { protected: id % 2 === 0 };
    const { status } = await on.ask({ name: 'imageProtect', id, body });
    if (status !== 200) refused++;
  }, 1000 / changesPerSecond);
  return () => {
    clearInterval(timer);
    if (refused > 0) throw new Error(`${refused} changes were refused`);
  };
}

async function measure({ paths, isChanging, what }: Case): Promise<Row['values']> {
  const [path = ''] = paths;
  const [, query = ''] = path.split('?');
  const id = Number(path.split('/').at(-1));
  const name = path.includes('/machines')
    ? 'machineList'
    : path.includes('/software')
      ? 'softwareList'
      : Number.isInteger(id)
        ? 'imageGet'
        : 'imageList';
  const sample = await on.ask({ name, id, query: query && `?${query}` });
  if (sample.status !== 200) throw new Error(`${what}: ${JSON.stringify(sample.body)}`);
  const peer = await bare(JSON.stringify(sample.body));
  const [ours, theirs]: [Measured[], Measured[]] = [[], []];
  try {
    for (let round = 0; round < rounds; round++) {
      const size = { seconds, connections };
      await sign(requests, requestsMax, paths, key);
      theirs.push(await load(peer.url, requests, size));
      const end = isChanging ? changing() : () => {};
      ours.push(await load(on.url, requests, size));
      end();
    }
  } finally {
    peer.end();
  }
  const rates = ours.map(({ perSecond }) => perSecond);
  return {
    'answers/s': median(rates),
    spread: spread(rates),
    'p99 ms': median(ours.map(({ p99Ms }) => p99Ms)),
    'bare/s': median(theirs.map(({ perSecond }) => perSecond)),
    'bare p99 ms': median(theirs.map(({ p99Ms }) => p99Ms)),
  };
}

/** The first page of ours and of a peer, in turn. */
async function besidePeer(what: string, { url, path }: Peer): Promise<Row> {
  const [ours, theirs]: [Measured[], Measured[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    await sign(requests, requestsMax, page(''), key);
    ours.push(await load(on.url, requests, { seconds, connections }));
    await sign(requests, requestsMax, [path], key);
    theirs.push(await load(url, requests, { seconds: peerSeconds, connections }));
  }
  const rates = theirs.map(({ perSecond }) => perSecond);
  const times = median(ours.map(({ perSecond }) => perSecond)) / median(rates);
  return {
    what,
    values: {
      'answers/s': median(rates),
      spread: spread(rates),
      'p99 ms': median(theirs.map(({ p99Ms }) => p99Ms)),
      goal: `ours × ${rounded(times)}`,
    },
  };
}

/** The first page beside each peer that is installed. */
async function besidePeers(): Promise<Row[]> {
  const peers = [
    {
      what: 'Prism, first page',
      start: startPrism,
      remedy: 'npm install --global @stoplight/prism-cli',
    },
    {
      what: 'Glance, first page, not signed',
      start: () => startGlance(join(folder, 'glance'), images),
      remedy: 'apt-get install --no-install-recommends glance-api',
    },
  ].filter(({ what }) => what.includes(given.only));
  const rows: Row[] = [];
  for (const { what, start, remedy } of peers) {
    const peer = await start();
    if (peer === null) {
      say(`${what}: left out; install it with: ${remedy}`);
      continue;
    }
    try {
      rows.push(await besidePeer(what, peer));
    } finally {
      peer.end();
    }
  }
  return rows;
}

try {
  const size = { images, machines };
  if (database === null) fill(join(folder, 'data'), size);
  else await fillDatabase(database, size);
  await on.withStore(joinKeptCounts);
  const rows: Row[] = [];
  for (const one of cases) {
    const values = await measure(one);
    const ratio = Number(values['answers/s']) / Number(values['bare/s']);
    rows.push({ what: one.what, values: { ...values, '× bare': ratio, goal: one.goal } });
    say(`${one.what}: ${ratio.toFixed(2)} × bare`);
  }
  rows.push(...(await besidePeers()));
  report(`${given.store}, ${images} images, ${connections} connections`, rows);
} finally {
  await on.close();
  for (const cleanup of cleanups.reverse()) await cleanup();
  await rm(folder, { recursive: true, force: true });
}
