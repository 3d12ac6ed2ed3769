// The program of allocation.test.ts: prints how many bytes V8 allocates for a request, of several
// kinds, after enough requests for its code to be compiled.

import { getHeapStatistics } from 'node:v8';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { virtualClock } from '../support.ts';
import { startHarness } from './harness.ts';

const [warmUp, rounds] = [1500, 500];
const cleanups: (() => unknown)[] = [];
const scope = { after: (cleanup: () => unknown) => void cleanups.push(cleanup) };
const h = await startHarness(scope, { reconcile: false, clock: virtualClock() });
for (let index = 0; index < 30; index++)
  await h.call('imageInstall', { body: { name: `image ${index}` } });

async function bytesOf(work: () => Promise<unknown>): Promise<number> {
  for (let round = 0; round < warmUp; round++) await work();
  const before = getHeapStatistics().total_allocated_bytes;
  for (let round = 0; round < rounds; round++) await work();
  return (getHeapStatistics().total_allocated_bytes - before) / rounds;
}

async function request(path: string): Promise<void> {
  const { statusCode } = await h.sendRaw({ method: 'GET', path: pathPrefix + path });
  if (statusCode !== 200) throw new Error(`${path} is answered by ${statusCode}`);
}

const change = () => h.store.write('system', (work) => work.host.setSteady());
/**
 * What a request costs of which nothing is known: the stand-in for the socket, and the framework.
 */
const bare = await bytesOf(() => h.service.app.inject({ method: 'GET', url: '/healthz' }));
const changeAlone = await bytesOf(change);
const changed = async (path: string) =>
  (await bytesOf(async () => {
    await change();
    await request(path);
  })) -
  changeAlone -
  bare;
const found = {
  'a page, after a change': await changed('/images'),
  'an image, after a change': await changed('/images/1'),
  'a page, kept': (await bytesOf(() => request('/images'))) - bare,
};
process.stdout.write(`${JSON.stringify(found)}\n`);
for (const cleanup of cleanups.reverse()) await cleanup();
