// The card that a machine gets, by what the server may do on its host.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import type { MachineId } from '../../domain/ids.ts';
import type { MachineNetwork } from '../../domain/machine-network.ts';
import { Networks, type Reach, readConnection, writeConnection } from './network.ts';

const hostOf = (machineUids: { first: number; last: number } | null) => ({
  ...{
    accel: 'tcg' as const,
    processor: 'max',
    boards: { newest: 'pc-q35-7.2', all: ['pc-q35-7.2'] },
    version: '7.2',
    proxy: {},
    ipv6: true,
    machineUids,
  },
  user: { ids: null, confinement: 'none' as const, path: '/bin', root: '/' },
  guestUser: () => ({ ids: null, confinement: 'none' as const, path: '/bin', root: '/' }),
});
const networks = (network: MachineNetwork, isRoot: boolean, reach: readonly Reach[] = []) =>
  new Networks(hostOf(isRoot ? { first: 1, last: 2 } : null), 'abcdef012345', { network, reach });
const machineId = 5 as MachineId;
const spec = (internet: boolean, kind: MachineNetwork | null = null) => ({
  ...{ machineId, network: { kind, internet } },
});

it('a machine has the network of its type, else that of the server', () => {
  const server = networks('user', true);
  assert.equal(server.plan({ machineId }).card?.network, 'user');
  assert.deepEqual(server.plan(spec(true, 'none')), { card: null, tap: null });
  const { card, tap } = server.plan(spec(true, 'bridge:lab'));
  assert.equal(card?.network, 'bridge:lab');
  assert.match(tap?.name ?? '', /^sm[0-9a-f]{12}$/);
  assert.equal(tap?.stays, false);
});

it('where the server is not root, a machine on the network user reaches nothing unless it may reach the host', () => {
  const isRestricted = (internet: boolean, reach: readonly Reach[]) =>
    networks('user', false, reach).plan(spec(internet)).card?.restrict;
  assert.deepEqual(
    [isRestricted(true, []), isRestricted(true, ['host']), isRestricted(false, ['host'])],
    [true, false, true],
  );
  assert.match(networks('user', false).lacks ?? '', /not root.*--machine-reach host/);
  assert.equal(networks('user', false, ['host']).lacks, null);
  assert.equal(networks('user', true).plan(spec(false)).card?.restrict, false);
});

it('a server that is not root starts no machine that it would have to keep from the internet on a bridge', async () => {
  const server = networks('bridge:lab', false);
  assert.throws(() => server.plan(spec(false)), /Start the server as root, or permit it/);
  assert.equal(server.plan(spec(true)).tap?.stays, true);
  await assert.rejects(server.prepare(spec(true)), {
    code: 'unavailable',
    message: /root makes the network device.*ip tuntap add dev sm\w+ mode tap user \d+ vnet_hdr/,
  });
});

it('how a machine is connected is noted where its process cannot change it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'silversmith-'));
  try {
    assert.deepEqual(await readConnection(folder), { card: null, tap: null });
    const connection = networks('tap', true).plan(spec(true));
    await writeConnection(folder, connection);
    assert.deepEqual(await readConnection(folder), connection);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('as root a server does not begin without nftables, unless its machines have no network', async () => {
  const bare = hostOf({ first: 1, last: 2 });
  const host = { ...bare, user: { ...bare.user, path: '/nonexistent' } };
  const server = (network: MachineNetwork) =>
    new Networks(host, 'abcdef012345', { network, reach: [] });
  for (const network of ['user', 'tap', 'bridge:lab'] as const)
    await assert.rejects(server(network).assertCan(), {
      code: 'unavailable',
      message: /^nft, .* is not there\. Install it .*nftables.*--machine-network none/,
    });
  await server('none').assertCan();
});
