// Three servers on one database behind HAProxy with TLS, as the guide to deployment has them. The
// first works the simulator; the others answer requests.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Client, type ClientOptions, createClient } from '../../src/client/client.ts';
import { ApiError } from '../../src/client/errors.ts';
import { upload } from '../../src/client/transfer.ts';
import { demoKey } from '../demo-server.ts';
import { type ServerName, startHaproxy } from '../postgres/haproxy.ts';
import { freePort } from '../postgres/server.ts';
import { sharedPostgres } from '../postgres/shared.ts';
import { serverProcess } from '../server-process.ts';
import { callerOf } from '../soak/caller.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';

const database = await sharedPostgres();

interface House {
  servers: Record<ServerName, ReturnType<typeof houseServer>>;
  proxy: Awaited<ReturnType<typeof startHaproxy>>;
  options: ClientOptions;
  client: Client;
  transfers: string;
}
let house: House;

/** A server that keeps its port when it is started again. */
function houseServer(flags: readonly string[], ready: string) {
  const { start, end } = serverProcess();
  let port = '0';
  let metrics = '';
  return {
    address: () => `127.0.0.1:${port}`,
    metrics: () => metrics,
    async start() {
      const found = await start(
        [...flags, '--port', port],
        new RegExp(`serves (\\S+:\\d+ .*?metrics are at \\S+)\\.${ready}`, 's'),
      );
      port = /:(\d+) /.exec(found)?.[1] ?? '';
      metrics = /metrics are at (\S+)/.exec(found)?.[1] ?? '';
    },
    end,
  };
}

async function startServers(t: Scope, databaseUrl: string, publicUrl: string) {
  const folder = await temporaryFolder(t);
  const flags = [
    ...['--engine', 'simulator', '--simulator-speed', '200', '--database-url', databaseUrl],
    ...['--public-url', publicUrl, '--metrics', '127.0.0.1:0', '--transfers-dir', folder],
    ...['--rate-limit', '0', '--log-level', 'fatal'],
  ];
  const of = (name: ServerName, more: string[] = [], ready = '') => {
    const server = houseServer([...flags, '--data-dir', join(folder, name), ...more], ready);
    defer(t, () => server.end('SIGTERM'));
    return server;
  };
  const one = of('one', ['--demo'], '.*The demo is ready');
  await one.start();
  const others = { two: of('two'), three: of('three') };
  for (const name of ['two', 'three']) {
    await mkdir(join(folder, name));
    for (const key of ['master.key', 'signing.key'])
      await copyFile(join(folder, 'one', key), join(folder, name, key));
  }
  await Promise.all(Object.values(others).map((server) => server.start()));
  const key = await demoKey(join(folder, 'one'));
  return { servers: { one, ...others }, key, transfers: join(folder, 'transfers') };
}

async function start(t: Scope): Promise<void> {
  const port = await freePort();
  const publicUrl = `https://127.0.0.1:${port}`;
  const { servers, key, transfers } = await startServers(t, await database.database(), publicUrl);
  const addresses = Object.values(servers).map((server) => server.address());
  const proxy = await startHaproxy(t, port, addresses);
  const options = { url: publicUrl, key: key.key, secret: key.secret };
  house = { servers, proxy, options, client: createClient(options), transfers };
}

/** Runs callers until `during` is over; resolves to the number of their calls. */
async function callersDuring(call: () => Promise<unknown>, during: () => Promise<void>) {
  let [isOver, calls] = [false, 0];
  const callers = Array.from({ length: 2 }, async () => {
    while (!isOver) {
      await call();
      calls++;
    }
  });
  // A caller that fails ends the run.
  await Promise.race([during(), Promise.all(callers)]).finally(() => {
    isOver = true;
  });
  await Promise.all(callers);
  return () => calls;
}

const machineCount = async () => (await house.client.machineList({ per_page: 1 })).count;

describe('three servers behind the proxy of the example', () => {
  const suite: Scope = { after };
  defer(suite, () => {});
  before(() => start(suite));

  it('get requests byte for byte, so that signatures hold on any path, query and body', async () => {
    const { client } = house;
    const name = `ä & b?c=d#e%2F+${'ü'.repeat(10)}`;
    const [machine] = (await client.machineList({})).machines;
    const { id } = await client.imageInstall({ software_ids: [4], name });
    const found = await client.imageList({ q: name });
    assert.deepEqual(
      found.images.map(({ attributes }) => attributes.name),
      [name],
    );
    assert.ok(machine && id);
    // The path is refused for its form, and not for its signature (401).
    for (const odd of ['a/b', '../..', 'ä%2F%252e ;=,', 'Ω/'.repeat(900)])
      await assert.rejects(
        client.transferGet({ id: odd as never }),
        (error) => error instanceof ApiError && [400, 404, 422].includes(error.status),
      );
  });

  it('take an upload of 40 MB, whose parts go to all of them', async () => {
    const { client, options, transfers } = house;
    const bytes = randomBytes(40 * 1024 * 1024);
    const { id } = await client.imageImport({ size_bytes: bytes.length });
    await upload(client, options, id, async (at, length) => bytes.subarray(at, at + length));
    const { attributes } = await client.transferGet({ id });
    assert.equal(attributes.received_bytes, bytes.length);
    const digest = (content: Buffer) => createHash('sha256').update(content).digest('hex');
    assert.equal(digest(await readFile(join(transfers, id))), digest(bytes));
    await client.transferDelete({ id: id as never });
  });

  it('answer /metrics to nobody outside, and each at its own address', async () => {
    const { proxy, servers } = house;
    for (const path of ['/metrics', '/metrics/', '/METRICS', '/%6detrics?x=1'])
      assert.equal((await fetch(proxy.url + path)).status, 404, path);
    for (const { metrics } of Object.values(servers))
      assert.match(await (await fetch(metrics())).text(), /silversmith_jobs/);
  });

  it('make links to machines that name the public address, and open there', async () => {
    const { client, proxy } = house;
    const [machine] = (await client.machineList({})).machines;
    const id = Number(machine?.id);
    await client.machineStart({ id });
    await waitFor('the machine is ready', async () => {
      const { attributes } = await client.machineGet({ id });
      return attributes.friendly_status === 'ready';
    });
    const { attributes } = await client.machineAccess({ id });
    assert.ok(attributes.connection_link.startsWith(`${proxy.url}/access/`));
    const opened = await fetch(attributes.connection_link, { method: 'POST' });
    assert.equal(opened.status, 200);
    assert.match(opened.headers.get('strict-transport-security') ?? '', /max-age/);
  });

  it('lose no change of a caller that repeats it, when one of them is killed', async () => {
    const { options, proxy, servers } = house;
    const caller = callerOf(() => options.url, options);
    const before = await machineCount();
    const calls = await callersDuring(
      () => caller.call('machineCreate', { plan_id: 1 }),
      async () => {
        await waitFor('callers are at work', () => caller.history.length > 20, 60_000);
        await servers.two.end('SIGKILL');
        const then = caller.history.length;
        await waitFor('callers go on', () => caller.history.length > then + 40, 60_000);
      },
    );
    const failed = caller.history.filter(({ status }) => status !== 200);
    assert.deepEqual(failed, []);
    assert.equal(await machineCount(), before + calls());
    await servers.two.start();
    await proxy.isUp('two');
  });

  it('are started again one after the other without a failed request', async () => {
    const { client, proxy, servers } = house;
    const before = await machineCount();
    const calls = await callersDuring(
      async () => {
        await client.machineList({ per_page: 1 });
        await client.machineCreate({ plan_id: 1 });
      },
      async () => {
        for (const name of ['three', 'two', 'one'] as const) {
          await proxy.drain(name);
          assert.equal(await servers[name].end('SIGTERM'), 0);
          await servers[name].start();
          await proxy.ready(name);
          await proxy.isUp(name);
        }
      },
    );
    assert.ok(calls() > 3, `${calls()} calls`);
    assert.equal(await machineCount(), before + calls());
  });
});
