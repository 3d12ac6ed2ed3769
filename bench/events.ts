// Measures many listeners on one server: its memory for each, and the time from the writing of an
// event to its arrival at each of them. All listen to one organisation, so each event goes to all.
// The listeners are one process on the same host, whose own work is in the times.
// Type: npm run bench events [-- --listeners N] [--events N] [--json]

import { createHmac, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { keyCreate } from '../src/app/operator/key.ts';
import { pathPrefix } from '../src/contract/envelope.ts';
import { formatAuthorization, signedHead } from '../src/contract/signing.ts';
import { permissions } from '../src/domain/key.ts';
import { streamLimits } from '../src/http/event-listener.ts';
import { masterKeyFile } from '../src/lib/master-key.ts';
import { quantile } from '../test/load/figures.ts';
import { underLoad } from '../test/load/load.ts';
import { operatorOn } from '../test/operator.ts';
import { waitFor } from '../test/support.ts';
import { report } from './report.ts';

const { values: given } = parseArgs({
  options: {
    listeners: { type: 'string', default: '5000' },
    events: { type: 'string', default: '40' },
    json: { type: 'boolean' },
  },
});
const [listeners, events] = [Number(given.listeners), Number(given.events)];
/** So many connect at once, since a server takes so many that wait. */
const connectedAtOnce = 100;
const betweenMs = 500;
const settleMs = 5000;

interface Key {
  key: string;
  secret: string;
}

const folder = await mkdtemp(join(tmpdir(), 'silversmith-bench-'));
const dataDir = join(folder, 'data');
const on = await underLoad(dataDir, 4);
const sockets: Socket[] = [];
/** How long each event took to each listener, in ms. */
const tookMs: number[] = [];
let opened = 0;

function listen({ key, secret }: Key): void {
  const { hostname, port, host } = new URL(on.url);
  const path = `${pathPrefix}/events`;
  const [nonce, timestamp] = [randomUUID(), String(Date.now())];
  const signature = createHmac('sha256', secret)
    .update(signedHead({ key, method: 'GET', path, timestamp, nonce }))
    .digest('hex');
  const authorization = formatAuthorization({ key, signature, nonce, timestamp });
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  let isOpen = false;
  socket.on('error', (error) => {
    throw error;
  });
  socket.on('data', (bytes: Buffer) => {
    const text = bytes.toString('latin1');
    if (!isOpen) {
      if (!text.startsWith('HTTP/1.1 200')) throw new Error(text);
      isOpen = true;
      opened++;
      return;
    }
    for (const [, at] of text.matchAll(/"created_at":"([^"]+)"/g))
      tookMs.push(Date.now() - Date.parse(at ?? ''));
  });
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\nauthorization: ${authorization}\r\n\r\n`);
}

const masterKey = await masterKeyFile(join(dataDir, 'master.key'));
const makeKeys = () =>
  on.withStore(async (store) => {
    const [organisation] = await store.read('system', (work) => work.organisations.list());
    if (!organisation) throw new Error('the demo has no organisation');
    const keys: Key[] = [];
    for (let n = 0; n < Math.ceil(listeners / streamLimits.ofKey); n++)
      keys.push(
        await keyCreate(operatorOn(store), masterKey, {
          ...{ organisation: organisation.id, name: `listener ${n}`, permissions },
        }),
      );
    return keys;
  });

async function measure() {
  const keys = await makeKeys();
  await sleep(settleMs);
  const before = await on.residentMb();
  const begun = performance.now();
  for (let n = 0; n < listeners; n++) {
    listen(keys[n % keys.length] as Key);
    if (n % connectedAtOnce === 0) await waitFor('the others are connected', () => opened >= n);
  }
  await waitFor('all are connected', () => opened === listeners, 60_000);
  const connectMs = performance.now() - begun;
  await sleep(settleMs);
  const after = await on.residentMb();
  for (let n = 0; n < events; n++) {
    const { status } = await on.ask({ name: 'imageInstall', body: { name: `event ${n}` } });
    if (status !== 200) throw new Error(`a change is answered by ${status}`);
    await sleep(betweenMs);
  }
  // The reconciler makes each image, which is one event more.
  const all = 2 * events * listeners;
  await waitFor('all have everything', () => tookMs.length >= all, 60_000);
  return {
    listeners,
    'connected in s': connectMs / 1000,
    'KB for each': ((after - before) * 1024) / listeners,
    arrivals: tookMs.length,
    'p50 ms': quantile(tookMs, 0.5),
    'p99 ms': quantile(tookMs, 0.99),
    load: loadavg()[0] ?? Number.NaN,
  };
}

try {
  report('events', [{ what: 'each event to all listeners', values: await measure() }]);
} finally {
  for (const socket of sockets) socket.destroy();
  await on.close();
  await rm(folder, { recursive: true, force: true });
}
