// Gives orders to guests that answer, are silent, end or lie.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { temporaryFolder } from '../../../test/support.ts';
import { CloneOrders, NoAnswer } from './clone-orders.ts';

const { signal } = new AbortController();

/** A guest that answers each order as it is told, and the channel to it. */
async function guest(t: TestContext, answer: (order: string, to: Socket) => void) {
  const path = join(await temporaryFolder(t), 'orders.sock');
  const server = createServer((socket) => {
    socket.on('data', (chunk) => answer(String(chunk).trim(), socket));
    socket.on('error', () => {});
  });
  server.listen(path);
  await once(server, 'listening');
  const orders = await CloneOrders.open(path);
  t.after(async () => {
    orders.close();
    server.close();
    await rm(path, { force: true });
  });
  return orders;
}

describe('orders to a clone', () => {
  it('end with what the guest printed and its status, one after the other', async (t) => {
    const orders = await guest(t, (order, to) => {
      for (const piece of [`said ${order}\n`, 'silver', `smith-ended ${order.length}\n`])
        to.write(piece);
    });
    assert.deepEqual(await orders.give('ab', 5000, signal), { exitCode: 2, stdout: 'said ab' });
    assert.deepEqual(await orders.give('abc', 5000, signal), { exitCode: 3, stdout: 'said abc' });
  });

  it('end in time when the guest is silent, ends, or never ends to speak', async (t) => {
    const limitMs = 20_000;
    const cases: [(to: Socket) => void, RegExp, number?][] = [
      [() => {}, /more than 0.2 s/, 200],
      [(to) => to.destroy(), /closed/],
      [(to) => to.write('x'.repeat(300_000)), /more than 262144 bytes/],
      [(to) => to.write('line\n'.repeat(100_000)), /more than 262144 bytes/],
    ];
    for (const [answer, reason, ms = limitMs] of cases) {
      const orders = await guest(t, (_order, to) => answer(to));
      const isReason = (error: unknown) =>
        error instanceof NoAnswer && reason.test((error as Error).message);
      await assert.rejects(orders.give('own', ms, signal), isReason);
      await assert.rejects(orders.give('own', ms, signal), isReason, 'it stays so');
    }
  });

  it('are waited for when the guest says so, in a line of its own', async (t) => {
    const orders = await guest(t, (_order, to) => {
      to.write('silversmith-listens');
      to.write('\nsilversmith-ended 0\n');
    });
    assert.deepEqual(await orders.give('own', 5000, signal), { exitCode: 0, stdout: '' });
    await orders.listening;
  });

  it('stop when they are not wanted any more', async (t) => {
    const orders = await guest(t, () => {});
    const end = new AbortController();
    const given = orders.give('own', 5000, end.signal);
    end.abort(new Error('stopped'));
    await assert.rejects(given, /stopped/);
  });

  it('take no number for a status that is none', async (t) => {
    const orders = await guest(t, (_order, to) => to.write('silversmith-ended 0x0\n'));
    assert.equal((await orders.give('own', 5000, signal)).exitCode, 255);
  });
});
