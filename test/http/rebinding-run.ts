// The deliveries of webhooks to names whose addresses change. It runs in a network of its own,
// which rebinding.test.ts makes: with a name server at 127.0.0.1, which /etc/resolv.conf names, and
// with addresses of the public internet and of the metadata of clouds on the loopback device.

import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { defer, type Scope } from '../support.ts';
import { startNameServer, type Zone } from './name-server.ts';
import { withWebhooks } from './receiver.ts';

const outside = '93.184.216.34';
const outsideSix = '2606:2800:220:1::1';
const inside = ['127.0.0.1', '::1', '169.254.169.254', '10.0.0.1', '64:ff9b::a9fe:a9fe'];
const port = 8080;

const always =
  (...addresses: string[]) =>
  () =>
    addresses;
/** The first address for the first look-up, and so on; the last one for all that follow. */
const oneByOne =
  (...addresses: string[]) =>
  (lookUp: number) => [addresses[Math.min(lookUp, addresses.length - 1)] ?? ''];

/** A name for each kind of address that is not of the public internet. */
const insides: Zone = Object.fromEntries(
  [
    ...inside,
    ...['::ffff:127.0.0.1', '::ffff:169.254.169.254', '64:ff9b::7f00:1', '2002:7f00:1::1'],
    ...['0.0.0.0', '100.64.0.1', '192.168.0.1', '172.16.0.1', 'fd00::1', 'fe80::1', '::'],
    ...['224.0.0.1', '255.255.255.255', '2001::1', 'ff02::1'],
  ].map((address, n) => [`inside${n}.test`, always(address)]),
);

const zone: Zone = {
  ...insides,
  'good.test': always(outside),
  'six.test': always(outsideSix),
  'both.test': always(outside, '127.0.0.1'),
  'mixed.test': always(outside, '::1'),
  'alias.test': always('inside0.test'),
  'rebound.test': oneByOne(outside, '127.0.0.1'),
  'metadata.test': oneByOne(outside, '169.254.169.254'),
  'mapped.test': oneByOne(outside, '::ffff:127.0.0.1'),
  'nat64.test': oneByOne(outside, '64:ff9b::a9fe:a9fe'),
  'changing.test': (lookUp) => [lookUp % 2 === 0 ? outside : '127.0.0.1'],
};

interface Arrival {
  at: string;
  host: string;
}

/** Receivers at all addresses; `answer` says what those outside answer. */
async function receivers(t: Scope, answer: (response: ServerResponse) => void) {
  const arrivals: Arrival[] = [];
  for (const at of [outside, outsideSix, ...inside]) {
    const server = createServer((request, response) => {
      arrivals.push({ at, host: request.headers.host ?? '' });
      request.resume();
      if (inside.includes(at)) response.end();
      else answer(response);
    });
    await new Promise<void>((resolve) => server.listen(port, at, resolve));
    defer(t, () => {
      server.closeAllConnections();
      server.close();
    });
  }
  return arrivals;
}

async function started(
  t: Scope,
  mayAskInside = false,
  answer: (response: ServerResponse) => void = (response) => void response.end(),
) {
  const { lookUps } = await startNameServer(t, zone);
  const arrivals = await receivers(t, answer);
  const { h, create, deliver, deliveries } = await withWebhooks(t, mayAskInside);
  /** Pings a name, so often, and resolves to what each ping was answered. */
  const pinged = async (host: string, times = 1): Promise<string[]> => {
    const { id } = await create(`http://${host}:${port}/`);
    const answers: string[] = [];
    for (let n = 0; n < times; n++) {
      await h.call('webhookPing', { params: { id } });
      await deliver();
      const [delivery] = await deliveries(id);
      answers.push(delivery.answer);
      // The next ping does not wait behind this one.
      const change = { state: 'dead', endedAt: 1 } as const;
      await h.store.write(h.ours, (work) => work.webhooks.updateDelivery(delivery.id, change));
    }
    await h.call('webhookDelete', { params: { id } });
    return answers;
  };
  const at = () => [...new Set(arrivals.map((one) => one.at))].sort();
  return { lookUps, arrivals, pinged, at };
}

const refused = 'the address is not one of the public internet, and is not asked';

describe('a delivery to a name', () => {
  it('goes to the address that was judged, after one look-up', async (t) => {
    const { lookUps, arrivals, pinged } = await started(t);
    assert.deepEqual(await pinged('good.test'), ['HTTP 200']);
    assert.deepEqual(await pinged('six.test'), ['HTTP 200']);
    assert.deepEqual(
      arrivals.map(({ at }) => at),
      [outside, outsideSix],
    );
    assert.deepEqual([lookUps('good.test'), lookUps('six.test')], [1, 1]);
  });

  it('is not sent when the name stands for an address inside', async (t) => {
    const { lookUps, arrivals, pinged } = await started(t);
    for (const host of [...Object.keys(insides), 'both.test', 'mixed.test', 'alias.test'])
      assert.deepEqual(await pinged(host), [refused], host);
    assert.deepEqual(arrivals, []);
    assert.equal(lookUps('alias.test'), 1, 'the names were looked up');
  });

  it('is not sent when the name changes its address between two deliveries', async (t) => {
    const { lookUps, pinged, at } = await started(t);
    for (const host of ['rebound.test', 'metadata.test', 'mapped.test', 'nat64.test']) {
      assert.deepEqual(await pinged(host, 3), ['HTTP 200', refused, refused], host);
      assert.equal(lookUps(host), 3);
    }
    const both = ['HTTP 200', refused];
    assert.deepEqual(await pinged('changing.test', 8), [...both, ...both, ...both, ...both]);
    assert.deepEqual(at(), [outside]);
  });

  it('follows no redirection to the inside, whatever it is called', async (t) => {
    const places = ['http://169.254.169.254:8080/', 'http://inside0.test:8080/', '//[::1]:8080/'];
    const codes = [301, 302, 303, 307, 308];
    let n = 0;
    const { arrivals, pinged } = await started(t, false, (response) => {
      const location = places[n % places.length] ?? '';
      response.writeHead(codes[n++ % codes.length] ?? 302, { location }).end();
    });
    const answers = await pinged('good.test', 15);
    assert.deepEqual(new Set(answers), new Set(codes.map((code) => `HTTP ${code}`)));
    assert.equal(arrivals.length, 15);
    assert.deepEqual(new Set(arrivals.map(({ at }) => at)), new Set([outside]));
  });

  it('would be sent inside, where the operator allows it', async (t) => {
    const { pinged, at } = await started(t, true);
    for (const host of Object.keys(insides).slice(0, inside.length))
      assert.deepEqual(await pinged(host), ['HTTP 200'], host);
    assert.deepEqual(at(), [...inside].sort());
  });
});
