// Webhooks on the command line, over the API and on the data directory.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Scope } from '../support.ts';
import { startDemo } from './demo.ts';

const address = 'https://hook.test/a';

async function started(t: Scope) {
  const demo = await startDemo(t);
  const json = async (...args: string[]) => {
    const { code, out, err } = await demo.run(...args, '--json');
    assert.equal(code, 0, err);
    return JSON.parse(out);
  };
  const list = async () => (await json('webhook', 'list')).webhooks;
  return { ...demo, json, list };
}

describe('silversmith webhook', { concurrency: 2 }, () => {
  it('adds, changes, pauses and removes webhooks; a secret is shown once', async (t) => {
    const { run, json, list, dataDir } = await started(t);
    const added = await run('webhook', 'add', address, '--type', 'image.changed', 'host.low');
    const [, secret = assert.fail(added.err)] = /secret {2}(whsec_\S+)/.exec(added.out) ?? [];
    assert.match(added.out, /not shown again/);
    const [{ id, attributes }] = await list();
    assert.deepEqual([attributes.url, attributes.types], [address, ['image.changed', 'host.low']]);

    assert.equal((await run('webhook', 'pause', address)).code, 0);
    const ping = await run('webhook', 'ping', id);
    assert.match(ping.out, /is paused, so the ping waits/);
    const moved = ['--address', 'https://hook.test/b', '--type', 'image.changed'];
    assert.equal((await run('webhook', 'update', address, ...moved)).code, 0);
    const shown = await json('webhook', 'show', 'https://hook.test/b');
    assert.notEqual(shown.attributes.paused_at, null);
    assert.deepEqual([shown.attributes.waiting, shown.dead_deliveries], [1, []]);
    const { deliveries } = await json('webhook', 'deliveries', id);
    assert.equal(deliveries[0].attributes.event_type, 'ping');
    assert.match((await run('webhook', 'deliveries', id)).out, /EVENT.*\n.*ping.*waiting/);
    const quiet = await run('webhook', 'list', '--output', 'template', '--template', '{{url}}');
    assert.equal(quiet.out.trim(), 'https://hook.test/b');

    const again = await run('webhook', 'redeliver', id, String(deliveries[0].attributes.id));
    assert.deepEqual([again.code, /waits and will be sent/.test(again.err)], [5, true]);
    assert.match((await run('webhook', 'redeliver', id, '--dead')).out, /No delivery is dead/);

    const refused = await run('webhook', 'remove', id);
    assert.match(refused.err, /1 waiting delivery, never to be sent[\s\S]*give --yes/);
    const dry = await json('webhook', 'remove', id, '--dry-run');
    assert.deepEqual([dry.waiting, dry.dead, (await list()).length], [1, 0, 1]);
    assert.equal((await run('webhook', 'remove', id, '--yes')).code, 0);
    assert.deepEqual(await list(), []);
    for (const file of ['silversmith.db', 'silversmith.db-wal'])
      assert.ok(!(await readFile(join(dataDir, file))).includes(secret.slice(10)), file);
  });

  it('rotates a secret; the end of the old one is asked about', async (t) => {
    const { run, json, list } = await started(t);
    const { id, secret } = await json('webhook', 'add', address);
    const rotated = await run('webhook', 'rotate', id);
    assert.match(rotated.out, /secret {2}whsec_\S+[\s\S]*signs too until 20/);
    assert.ok(!rotated.out.includes(secret));
    for (const [args, lost] of [
      [['--overlap', '0s'], /present secret alone refuses/],
      [['--overlap', '1h'], /before the present one/],
    ] as const) {
      const refused = await run('webhook', 'rotate', id, ...args);
      assert.deepEqual([refused.code, lost.test(refused.err), refused.out], [2, true, '']);
    }
    assert.equal((await run('webhook', 'rotate', id, '--overlap', '0s', '--yes')).code, 0);
    assert.equal((await list())[0].attributes.old_secret_until, null);
  });

  it('changes nothing when a word stands for no webhook or for several', async (t) => {
    const { run, json, list } = await started(t);
    const { id } = await json('webhook', 'add', address);
    const unknown = await run('webhook', 'pause', id, 'https://hook.test/aa');
    assert.equal(unknown.code, 3);
    assert.match(unknown.err, /no webhook "https:\/\/hook.test\/aa".*Did you mean/);
    assert.equal((await list())[0].attributes.paused_at, null);
    await json('webhook', 'add', address);
    assert.match((await run('webhook', 'ping', address)).err, /2 webhooks have the address/);
    const both = await run('webhook', 'remove', ...(await list()).map(idOf), '--yes', '--json');
    assert.equal(JSON.parse(both.out).results.length, 2);
    for (const [args, says] of [
      [['add', 'ftp://hook.test/'], /url must be an address/],
      [['add', address, '--type', 'image.exploded'], /it may have: image\.changed/],
      [['update', id], /Nothing is to be changed/],
      [['list', '--organisation', 'Demo'], /its own organisation/],
      [['list', '--local'], /Give --organisation/],
      [['list', '--local', '--organisation', 'Demo', '--key', 'ss01234567'], /leave --url/],
    ] as const) {
      const { code, err } = await run('webhook', ...args);
      assert.match(err, says, args.join(' '));
      assert.ok(code === 2 || code === 4, args.join(' '));
    }
  });

  it('works on the data directory, also without a server, and is in the trail then', async (t) => {
    const { run, json, stop } = await started(t);
    const local = ['--local', '--organisation', 'Demo'];
    const { id } = await json('webhook', 'add', address);
    const remote = (await json('webhook', 'list')).webhooks;
    assert.deepEqual((await json('webhook', 'list', ...local)).webhooks, remote);
    await stop();
    const added = await json('webhook', 'add', 'https://hook.test/c', ...local);
    assert.match(added.secret, /^whsec_/);
    await json('webhook', 'pause', id, ...local);
    await json('webhook', 'ping', id, ...local);
    const { deliveries } = await json('webhook', 'deliveries', id, ...local);
    assert.equal(deliveries[0].attributes.event_type, 'ping');
    await json('webhook', 'rotate', id, '--overlap', '1h', ...local);
    const removed = await run('webhook', 'remove', added.id, '--yes', ...local);
    assert.equal(removed.code, 0, removed.err);
    const [webhook] = (await json('webhook', 'list', ...local)).webhooks;
    assert.notEqual(webhook.attributes.old_secret_until, null);
    const trail: { action: string; thing: string; outcome: string }[] = await json('audit', 'list');
    assert.deepEqual(
      trail.filter(({ action }) => action.startsWith('webhook')).map(entryOf),
      [
        ...[`webhookDelete ${added.id} done`, `webhookRotate ${id} done`, `webhookPing ${id} done`],
        ...[`webhookUpdate ${id} done`, `webhookCreate ${added.id} done`],
      ].map((line) => line.replace(/ (\w+) done/, ' webhook $1 of organisation Demo done')),
    );
    const nobody = await run('webhook', 'list', '--local', '--organisation', 'Nobody');
    assert.deepEqual([nobody.code, /no organisation Nobody/.test(nobody.err)], [3, true]);
  });
});

const idOf = ({ id }: { id: string }) => id;
const entryOf = ({ action, thing, outcome }: { action: string; thing: string; outcome: string }) =>
  `${action} ${thing} ${outcome}`;
