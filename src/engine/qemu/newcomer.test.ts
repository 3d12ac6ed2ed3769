// When a machine on a fresh disk is ready and has its link, against a socket that answers as QEMU's
// guest agent does.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import type { DiskId, MachineId } from '../../domain/ids.ts';
import { hardwareOf, identityOf } from '../identity.ts';
import { Newcomer } from './newcomer.ts';

/**
 * An agent whose script ends with the next of the statuses, or which runs no command when there is
 * none.
 */
async function agentThat(t: TestContext, statuses: number[]) {
  const folder = await mkdtemp(join(tmpdir(), 'silversmith-'));
  const scripts: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    createInterface({ input: socket }).on('line', (line) => {
      const { execute, arguments: args } = JSON.parse(line.replace(/^[^{]*/, ''));
      if (execute === 'guest-exec')
        scripts.push(Buffer.from(args['input-data'], 'base64').toString());
      const exitcode = execute === 'guest-exec-status' ? statuses.shift() : undefined;
      const answer = {
        'guest-sync-delimited': { return: args?.id },
        'guest-exec': statuses.length > 0 ? { return: { pid: 1 } } : { error: { desc: 'blocked' } },
        'guest-exec-status': { return: { exited: true, exitcode } },
      }[execute as string];
      socket.write(`${JSON.stringify(answer)}\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'agent.sock'), resolve));
  t.after(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });
  return { path: join(folder, 'agent.sock'), scripts };
}

const identity = identityOf('0123456789abcdef01234567' as DiskId, 'Studio 7', 7 as MachineId);

function newcomer(agent: string) {
  const links: number[] = [];
  const giveLink = async () => void links.push(1);
  const one = new Newcomer({ identity, grows: true, agent, giveLink });
  /** Asks until it is something else than on, for at most so long by the clock of the test. */
  const settled = async () => {
    for (let asked = 0; asked < 200; asked++) {
      const state = await one.state('', '');
      if (state !== 'on') return state;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return 'on';
  };
  return { one, links, settled };
}

const nowhere = '/nonexistent/agent.sock';

describe('a machine on a fresh disk', () => {
  it('is ready when its guest says so under its own instance, also in pieces, and not when a copy says what it was', async () => {
    const { one, links } = newcomer(nowhere);
    assert.equal(
      await one.state('silversmith-ready\nsilversmith-ready ffffffffffffffffffffffff\n', ''),
      'on',
    );
    assert.equal(await one.state('silversmith-ready 01234567', ''), 'on');
    assert.deepEqual(links, []);
    assert.equal(await one.state('89abcdef01234567\n', ''), 'ready');
    assert.deepEqual(links, [1]);
  });

  it('has its link when cloud-init begins, which waits for it, and is not ready by that', async () => {
    const { one, links } = newcomer(nowhere);
    const console =
      "[  9.1] cloud-init[307]: Cloud-init v. 22.4.2 running 'init-local' at Thu, 26 Nov";
    assert.equal(await one.state('', 'Linux version 6.1'), 'on');
    assert.deepEqual(links, []);
    assert.equal(await one.state('', console), 'on');
    assert.equal(await one.state('', console), 'on');
    assert.deepEqual(links, [1]);
  });

  it('is ready when the script that its agent was given has ended, not when the agent answers', async (t) => {
    const { path, scripts } = await agentThat(t, [0]);
    const { one, links, settled } = newcomer(path);
    assert.equal(await one.state('', ''), 'on');
    assert.equal(await settled(), 'ready');
    assert.deepEqual(links, [1]);
    const said = `set -- ${identity.instance} ${identity.machineId} studio-7 agent\n`;
    assert.deepEqual(
      scripts.map((script) => script.startsWith(said)),
      [true],
    );
  });

  it('is not given the script before its guest had time to say that it is ready', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    const { path, scripts } = await agentThat(t, [0]);
    const { one, settled } = newcomer(path);
    t.mock.timers.tick(20_000);
    assert.equal(await settled(), 'on');
    t.mock.timers.tick(1900);
    assert.equal(await settled(), 'on');
    assert.deepEqual([one.isAsking, scripts.length], [false, 0]);
    t.mock.timers.tick(200);
    assert.equal(await settled(), 'ready');
    assert.equal(scripts.length, 1);
  });

  it('may run the script of its agent still when it says by itself that it is ready', async (t) => {
    const { one, settled } = newcomer((await agentThat(t, [0])).path);
    while (!one.isAsking) assert.equal(await one.state('', ''), 'on');
    assert.equal(await one.state(`silversmith-ready ${identity.instance}\n`, ''), 'ready');
    assert.ok(one.isAsking);
    while (one.isAsking) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await settled(), 'ready');
  });

  it('waits for cloud-init when that is at work, and is a copy when its agent runs no command for two minutes', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    const busy = newcomer((await agentThat(t, [75, 75])).path);
    assert.equal(await busy.settled(), 'on');
    t.mock.timers.tick(130_000);
    assert.equal(await busy.one.state('', ''), 'on');
    assert.equal(await busy.one.state(`silversmith-ready ${identity.instance}\n`, ''), 'ready');

    const deaf = newcomer((await agentThat(t, [])).path);
    assert.equal(await deaf.settled(), 'on');
    assert.deepEqual(deaf.links, []);
    t.mock.timers.tick(130_000);
    assert.equal(await deaf.settled(), 'copy');
    assert.deepEqual(deaf.links, [1]);
  });
});

describe('an identity', () => {
  it('follows from installation, machine and disk, and no two are the same', () => {
    const made = ['one', 'two'].flatMap((installation) =>
      Array.from({ length: 1000 }, (_, index) =>
        hardwareOf(installation, (index + 1) as MachineId),
      ),
    );
    assert.equal(new Set(made.flatMap(({ mac, uuid }) => [mac, uuid])).size, 4000);
    for (const { mac, uuid } of made) {
      // Locally administered, and no group's.
      assert.match(mac, /^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
      assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
    assert.deepEqual(hardwareOf('one', 1 as MachineId), made[0]);
    assert.notEqual(
      identityOf('aa' as DiskId, 'x', 1 as MachineId).machineId,
      identityOf('ab' as DiskId, 'x', 1 as MachineId).machineId,
    );
  });
});
