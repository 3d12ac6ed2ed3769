// Lives through a day of a fleet in minutes, and shows that a server does not grow: each part of
// the day starts and stops machines, assigns images to them, builds some, and reads all the time.
// The memory and open files of the server and the size of its store are taken after each part.
// Type: npm run bench day [-- --machines N] [--parts N] [--json]

import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { LoadRequest } from '../test/load/client.ts';
import { addMachines } from '../test/load/fleet.ts';
import { atRest, underLoad } from '../test/load/load.ts';
import { type Row, report } from './report.ts';

const { values: given } = parseArgs({
  options: {
    machines: { type: 'string', default: '10000' },
    parts: { type: 'string', default: '8' },
    json: { type: 'boolean' },
  },
});
const machines = Number(given.machines);
const parts = Number(given.parts);
const connections = 16;
/** Each of these is an image of its own that is built and deleted again. */
const buildsOfPart = 60;
const readsOfPart = 10_000;
const restMs = 600_000;

const folder = await mkdtemp(join(tmpdir(), 'silversmith-day-'));
const dataDir = join(folder, 'data');
const fast = ['--simulator-speed', '0', '--starts-at-once', '200', '--builds-at-once', '8'];
const on = await underLoad(dataDir, connections, ...fast);

async function ask(request: LoadRequest) {
  const { status, body } = await on.ask(request);
  if (status !== 200) throw new Error(`${request.name}: ${status} ${JSON.stringify(body)}`);
  return body;
}

/** Asks for all of the requests, on all connections. */
async function askAll(requests: readonly LoadRequest[]): Promise<void> {
  // All callers take from one iterator.
  const waiting = requests.values();
  const caller = async () => {
    for (const request of waiting) await ask(request);
  };
  await Promise.all(Array.from({ length: connections }, caller));
}

const build = (name: string): LoadRequest => ({
  name: 'imageInstall',
  body: { software_ids: [1], name },
});
const reads = Array.from({ length: readsOfPart }, (_, index): LoadRequest => {
  return index % 2 === 0 ? { name: 'machineList' } : { name: 'imageList', query: '?q=part' };
});

/** One part of the day: its share of the machines is assigned an image, started and stopped. */
async function live(part: number, ids: readonly number[]): Promise<void> {
  const names = Array.from({ length: buildsOfPart }, (_, index) => `part ${part} image ${index}`);
  const made: number[] = [];
  for (const name of names) made.push((await ask(build(name))).attributes.id);
  await atRest(on, restMs);
  const [kept = 0, ...others] = made;
  await ask({ name: 'imageAssign', id: kept, body: { machine_ids: ids.slice(0, 1000) } });
  await askAll(ids.map((id) => ({ name: 'machineStart', id })));
  await askAll(reads);
  await atRest(on, restMs);
  await askAll(ids.map((id) => ({ name: 'machineStop', id })));
  await askAll(others.map((id) => ({ name: 'imageDelete', id })));
  await atRest(on, restMs);
}

async function bytesOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isFile()) bytes += (await stat(join(folder, entry.name))).size;
  return bytes;
}

try {
  const ids = await on.withStore((store) =>
    store.write('system', (work) => addMachines(work, machines)),
  );
  const rows: Row[] = [];
  for (let part = 1; part <= parts; part++) {
    const share = Math.ceil(machines / parts);
    const begun = performance.now();
    await live(part, ids.slice((part - 1) * share, part * share));
    const values = {
      seconds: (performance.now() - begun) / 1000,
      'resident MB': await on.residentMb(),
      'open files': await on.descriptors(),
      'store MB': (await bytesOf(dataDir)) / 1024 ** 2,
    };
    rows.push({ what: `part ${part} of ${parts}`, values });
    process.stderr.write(`part ${part}: ${values['resident MB'].toFixed(0)} MB\n`);
  }
  report(`a day of ${machines} machines`, rows);
} finally {
  await on.close();
  await rm(folder, { recursive: true, force: true });
}
