// Shows where the processor time of a server goes while it answers signed reads that it has kept,
// or changes: the flame graph as a table, by who wrote the code. Node samples the server's stack.
// Type: npm run bench profile [-- --seconds N] [--path PATH] [--top N] [--json]

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pathPrefix } from '../src/contract/envelope.ts';
import { demoKey } from '../test/demo-server.ts';
import { underLoad } from '../test/load/load.ts';
import { fill } from './reads/fill.ts';
import { load, sign } from './reads/load.ts';
import { report } from './report.ts';

const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    path: { type: 'string', default: '/images' },
    top: { type: 'string', default: '0' },
    json: { type: 'boolean' },
  },
});
const seconds = Number(given.seconds);
const connections = 64;
const requestsMax = 60_000 * seconds;

/** What is used of the file that `node --cpu-prof` writes. */
interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  /** µs since the sample before. */
  timeDeltas: number[];
}
type Frame = Profile['nodes'][number]['callFrame'];

/** Whose code a frame is: a room of ours, a package, a part of Node, or of V8. */
function ownerOf({ functionName, url }: Frame): string {
  const [, room] = /\/src\/([\w-]+)\//.exec(url) ?? [];
  const [, named] = /\/node_modules\/((?:@[\w.-]+\/)?[\w.-]+)\//.exec(url) ?? [];
  if (named !== undefined) return named;
  if (room !== undefined) return `Silversmith: ${room}`;
  if (functionName === '(garbage collector)') return 'V8: garbage';
  if (/_http|internal\/http|net$|stream|tls_wrap/.test(url)) return 'Node: HTTP and sockets';
  if (/^(write|consume|parserOnHeaders|execute)/.test(functionName))
    return 'Node: HTTP and sockets';
  if (/crypto/.test(url) || /^(Hmac|hmac|createHmac|digest|update)/.test(functionName))
    return 'Node: HMAC';
  return url.startsWith('node:') ? 'Node: else' : 'Node and V8: native code';
}

const isBusy = ({ functionName }: Frame) => !['(idle)', '(root)'].includes(functionName);
const whereOf = ({ functionName, url, lineNumber }: Frame) =>
  `${functionName || '(nameless)'} ${url.replace(/^.*\/(src|node_modules)\//, '$1/')}:${lineNumber + 1}`;

/** Adds up the µs of all samples by what a frame belongs to. */
function usBy({ nodes, samples, timeDeltas }: Profile, keyOf: (frame: Frame) => string) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const sums = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id);
    if (!frame || !isBusy(frame)) continue;
    const key = keyOf(frame);
    sums.set(key, (sums.get(key) ?? 0) + (timeDeltas[index] ?? 0));
  }
  return [...sums].sort(([, one], [, other]) => other - one);
}

const folder = await mkdtemp(join(tmpdir(), 'silversmith-profile-'));
try {
  const dataDir = join(folder, 'data');
  const profiles = join(folder, 'profiles');
  process.env.NODE_OPTIONS = `--cpu-prof --cpu-prof-dir=${profiles} --cpu-prof-interval=200`;
  const on = await underLoad(dataDir, 4);
  const requests = join(folder, 'requests');
  let answers = 0;
  try {
    fill(dataDir, { images: 10_000, machines: 1000 });
    await sign(requests, requestsMax, [pathPrefix + given.path], await demoKey(dataDir));
    const { perSecond } = await load(on.url, requests, { seconds, connections });
    answers = perSecond * seconds;
  } finally {
    await on.close();
  }
  const files = await Promise.all(
    (await readdir(profiles)).map(async (name) => readFile(join(profiles, name), 'utf8')),
  );
  // Small processes that start the server have profiles too.
  const profile = files
    .map((text): Profile => JSON.parse(text))
    .sort((one, other) => other.samples.length - one.samples.length)[0];
  if (!profile) throw new Error('the server has written no profile');
  const top = Number(given.top);
  const parts = top > 0 ? usBy(profile, whereOf).slice(0, top) : usBy(profile, ownerOf);
  const whole = usBy(profile, () => 'all')[0]?.[1] ?? Number.NaN;
  report(
    `where the time of a kept answer goes, ${given.path}`,
    parts.map(([what, us]) => ({
      what,
      values: { 'µs an answer': us / answers, 'part of all': us / whole },
    })),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
