// Two kinds of load: many connections at full speed with a mix of reads and writes, beside
// connections that only hold the server up; and a fleet of machines that are assigned and started
// at once. Each returns its measurements, and a list of errors.

import { readdir, readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { machinePermissionDefaults } from '../../src/domain/machine.ts';
import type { Writer } from '../../src/store/port/unit-of-work.ts';
import { demoKey, demoServer, storeOf, withoutQuotas } from '../demo-server.ts';
import { waitFor } from '../support.ts';
import { type LoadAnswer, type LoadRequest, loadClient } from './client.ts';

const quietMs = 120_000;

/**
 * Starts a demo server in an empty folder, and a client to it. Returns also how to measure its
 * process. The caller must close it.
 */
export async function underLoad(dataDir: string, connections: number, ...flags: string[]) {
  const server = demoServer(dataDir, ...flags);
  await server.start();
  const { withStore } = storeOf(dataDir);
  await withStore((store) => store.write('system', withoutQuotas));
  const url = server.url();
  const client = loadClient({ url, ...(await demoKey(dataDir)) }, connections);
  return {
    url,
    pid: server.pid,
    ask: client.ask,
    /** Closes the connections of the client. */
    hangUp: client.close,
    withStore,
    residentMb: async () =>
      Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${server.pid()}/status`, 'utf8'))?.[1]) /
      1024,
    descriptors: async () => (await readdir(`/proc/${server.pid()}/fd`)).length,
    async close() {
      client.close();
      await server.end('SIGTERM');
    },
  };
}

export type UnderLoad = Awaited<ReturnType<typeof underLoad>>;

/** The value below which `part` (0 to 1) of the values lie; NaN when there are none. */
export const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[
    Math.min(values.length - 1, Math.floor(values.length * part))
  ] ?? Number.NaN;

/** The slope of the line through the points, by least squares. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const covariance = points.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0);
  return covariance / points.reduce((sum, [a]) => sum + (a - x) ** 2, 0);
}

export interface MixResult {
  /** How long each read took, in ms; likewise writes. */
  reads: number[];
  writes: number[];
  seconds: number;
  /** One line for each answer with 5xx, and for each that did not come. */
  errors: string[];
  /** The resident memory of the server, once a second. */
  memory: [minutes: number, mb: number][];
}

/**
 * Runs `connections` callers for `seconds`, each with one request at a time. Three of ten requests
 * change something. A refusal that the contract names is not an error.
 */
export async function runMix(
  on: UnderLoad,
  connections: number,
  seconds: number,
): Promise<MixResult> {
  const result: MixResult = { reads: [], writes: [], seconds, errors: [], memory: [] };
  const begun = performance.now();
  const goesOn = () => performance.now() - begun < seconds * 1000;
  const images: number[] = [];
  const keep = ({ body, status }: LoadAnswer) => {
    if (status === 200) images.push(Number(body.attributes.id));
    // Requests name the newest 200 images; older ones are likely deleted by now.
    if (images.length > 200) images.shift();
  };
  const caller = async (number: number) => {
    for (let round = number; goesOn(); round++) {
      const machine = 1 + (round % 6);
      const image = images[(round * 7) % images.length] ?? 1;
      const turns: LoadRequest[] = [
        { name: 'imageList', query: '?per_page=20' },
        { name: 'machineGet', id: machine },
        {
          name: 'imageInstall',
          body: { software_ids: [1 + (round % 4)], name: `load-${number}-${round}` },
        },
        { name: 'imageGet', id: image },
        { name: 'machineList' },
        { name: round % 20 < 10 ? 'machineStart' : 'machineStop', id: machine },
        { name: 'softwareList' },
        { name: 'imageList', query: '?q=load' },
        round % 30 < 10
          ? { name: 'imageAssign', id: image, body: { machine_ids: [machine] } }
          : { name: 'imageDelete', id: image },
        { name: 'imageGet', id: image },
      ];
      const asked = turns[round % turns.length] as LoadRequest;
      const isRead = /List|Get/.test(asked.name);
      const answered = await on.ask(asked);
      (isRead ? result.reads : result.writes).push(answered.ms);
      if (asked.name === 'imageInstall') keep(answered);
      if (answered.status === 0 || answered.status >= 500)
        result.errors.push(
          `${asked.name}: ${answered.status} ${JSON.stringify(answered.body).slice(0, 200)}`,
        );
    }
  };
  const watching = (async () => {
    while (goesOn()) {
      result.memory.push([(performance.now() - begun) / 60_000, await on.residentMb()]);
      await sleep(1000);
    }
  })();
  await Promise.all([
    watching,
    ...Array.from({ length: connections }, (_, number) => caller(number)),
  ]);
  await atRest(on);
  return result;
}

/** Waits until no job is open. */
export const atRest = (on: UnderLoad, limitMs = quietMs) =>
  on.withStore((store) =>
    waitFor(
      'no job is open',
      async () => (await store.read('system', (work) => work.jobs.open(1))).length === 0,
      limitMs,
      100,
    ),
  );

/**
 * Opens `each` connections of three kinds that hold a server up: they send nothing, never end their
 * request, or never read their answers. None notices that the server closed it. Resolves to a
 * function that ends them.
 */
export async function holdUp(on: UnderLoad, each: number): Promise<() => void> {
  const sockets: Socket[] = [];
  const { hostname, port } = new URL(on.url);
  const dial = () =>
    new Promise<Socket>((resolve) => {
      const socket = connect(Number(port), hostname, () => resolve(socket));
      // A write to a closed connection fails; that is expected here.
      socket.on('error', () => {});
      sockets.push(socket);
    });
  for (let index = 0; index < each; index++) {
    await dial();
    (await dial()).write('POST /organization-management/v1/images/install HTTP/1.1\r\nhost: x\r\n');
    (await dial()).write('GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(50));
  }
  const slow = sockets.filter((_, index) => index % 3 === 1);
  const drip = setInterval(() => {
    for (const socket of slow) if (socket.writable) socket.write('x-more: 1\r\n');
  }, 1000);
  return () => {
    clearInterval(drip);
    for (const socket of sockets) socket.destroy();
  };
}

export interface FleetResult {
  assignMs: number;
  /** From the first start until every machine was ready. */
  readyMs: number;
  /** The largest number of machines that were starting at once. */
  startingMost: number;
  /** How long reads took meanwhile, in ms. */
  reads: number[];
  errors: string[];
}

/** Assigns one image to `count` new machines in one request, and then starts each of them. */
export async function runFleet(on: UnderLoad, count: number): Promise<FleetResult> {
  const ids = await on.withStore((store) =>
    store.write('system', (work) => addMachines(work, count)),
  );
  const built = await on.ask({
    name: 'imageInstall',
    body: { software_ids: [1], name: `fleet of ${count}` },
  });
  const id = Number(built.body.attributes.id);
  await atRest(on);
  const errors: string[] = [];
  const expect = ({ status, body, ms }: LoadAnswer) => {
    if (status !== 200) errors.push(`${status} ${JSON.stringify(body).slice(0, 200)}`);
    return ms;
  };
  const assignMs = expect(await on.ask({ name: 'imageAssign', id, body: { machine_ids: ids } }));
  const begun = performance.now();
  for (const answered of await Promise.all(
    ids.map((machine) => on.ask({ name: 'machineStart', id: machine })),
  ))
    expect(answered);
  const reads: number[] = [];
  let startingMost = 0;
  await on.withStore((store) =>
    waitFor(
      `${count} machines are ready`,
      async () => {
        reads.push(expect(await on.ask({ name: 'imageList', query: '?per_page=20' })));
        const open = await store.read('system', (work) => work.jobs.open(2 * count));
        startingMost = Math.max(
          startingMost,
          open.filter(({ state }) => state === 'running').length,
        );
        return open.length === 0;
      },
      quietMs + count * 100,
      20,
    ),
  );
  const readyMs = performance.now() - begun;
  const ready = await on.withStore((store) =>
    store.read('system', (work) => work.machines.ready()),
  );
  const notReady = ids.filter((machine) => !ready.some((one) => one.id === machine)).length;
  if (notReady > 0) errors.push(`${notReady} machines are not ready`);
  return { assignMs, readyMs, startingMost, reads, errors };
}

async function addMachines(work: Writer, count: number): Promise<number[]> {
  const [organisation] = await work.organisations.list();
  const [type] = await work.machineTypes.list();
  if (!organisation || !type) throw new Error('the demo has no organisation or machine type');
  const { id: machineTypeId, code: machineType, cpus, memoryMb, diskSizeGb } = type;
  const size = { machineTypeId, machineType, cpus, memoryMb, diskSizeGb, region: null };
  const more = {
    permissions: machinePermissionDefaults,
    assignedImageId: null,
    organisationId: organisation.id,
  };
  const ids: number[] = [];
  for (let index = 0; index < count; index++)
    ids.push((await work.machines.add({ ...size, ...more })).id);
  return ids;
}
