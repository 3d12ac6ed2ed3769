// Long work that operators ask for: it is begun by a request, and its state is asked for.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { auditList } from '../../src/app/operator/audit.ts';
import { Errands } from '../../src/app/operator/errand.ts';
import { keyRevoke } from '../../src/app/operator/key.ts';
import { errandLostMs, errandsMax } from '../../src/domain/errand.ts';
import type { KeyId } from '../../src/domain/ids.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import { newId } from '../../src/lib/new-id.ts';
import { operatorOn } from '../operator.ts';
import { movableClock, type Scope, waitFor } from '../support.ts';
import { requestTo, startOperator } from './operator.ts';

const printed = 'x'.repeat(2 * 1024 ** 2);

/** An engine that runs guests: `hang` ends when it is cancelled, `loud` prints a lot. */
const withExec = (engine: Engine): Engine => ({
  ...engine,
  exec: {
    async run({ command }, { signal }) {
      if (command[0] === 'loud') return { exitCode: 3, stdout: printed, stderr: '' };
      if (command[0] === 'hang')
        await new Promise((_, reject) => {
          signal.throwIfAborted();
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      return { exitCode: 0, stdout: command.join(' '), stderr: 'said' };
    },
  },
});

async function start(t: Scope, options: Parameters<typeof startOperator>[1] = {}) {
  const h = await startOperator(t, { wrapEngine: withExec, ...options });
  const [machine = 0] = h.machines;
  const hang = async (as = h.operator) =>
    (await h.ask('machineExec', { command: ['hang'] }, as, String(machine))).body.id;
  return { ...h, machine: String(machine), hang };
}

describe('an errand', () => {
  it('is answered at once, and shows its result to the key that asked and to no other', async (t) => {
    const h = await start(t);
    const begun = await h.ask('layerVerify', {});
    assert.deepEqual([begun.status, begun.body.status], [200, 'running']);
    const over = await h.ended(begun.body.id);
    assert.deepEqual([over.status, over.failure], ['done', null]);
    const [base] = (await h.ask('layerList')).body.layers;
    assert.deepEqual(over.result.layers, [{ id: base.id, result: 'digest taken' }]);
    const other = await h.makeOperator();
    for (const id of [begun.body.id, newId()])
      for (const name of ['errandGet', 'errandCancel'] as const)
        assert.equal((await h.ask(name, undefined, other, id)).status, 404);
    const kept = await h.store.read('system', (work) => work.idempotency.list());
    assert.ok(!JSON.stringify(kept).includes('digest taken'), 'it is sealed');
  });

  it('is begun once under an Idempotency-Key', async (t) => {
    const h = await start(t);
    const request = { ...requestTo('doctorDeep'), headers: { 'idempotency-key': 'one' } };
    const first = await h.send(request, h.operator);
    const again = await h.send(request, h.operator);
    assert.equal(again.body.id, first.body.id);
    assert.deepEqual((await h.ended(first.body.id)).result, { findings: [] });
    const entries = await auditList(h.store, 100);
    assert.equal(entries.filter(({ action }) => action === 'layerVerify').length, 1);
  });

  it('fails with the code that a request would have, and is in the trail', async (t) => {
    const h = await start(t);
    const { failure, result } = await h.done('layerVerify', { ids: ['none'] });
    assert.deepEqual([failure.client_code, failure.status, result], [404, 404, null]);
    const [entry] = await auditList(h.store, 1);
    assert.deepEqual([entry?.action, entry?.outcome], ['layerVerify', 'refused']);
  });

  it('ends when it is cancelled, when its key is revoked, and when the server stops', async (t) => {
    const h = await start(t);
    const id = await h.hang();
    assert.equal((await h.ask('errandCancel', undefined, h.operator, id)).status, 200);
    const over = await h.ended(id);
    assert.deepEqual([over.status, /cancelled/.test(over.failure.message)], ['failed', true]);
    const again = await h.ask('errandCancel', undefined, h.operator, id);
    assert.deepEqual([again.status, again.body.status], [200, 'failed']);
    const thief = await h.makeOperator();
    await h.hang(thief);
    await keyRevoke(operatorOn(h.store), thief.key);
    await waitFor('the work of the revoked key has ended', async () => {
      const entries = await auditList(h.store, 100);
      return entries.some(({ reason }) => /was revoked meanwhile/.test(reason ?? ''));
    });
    const { store, masterKey, clock } = h;
    const server = new Errands({ store, masterKey, clock, failed: assert.fail });
    const keyId = h.operator.key as KeyId;
    let isUndone = false;
    const last = await server.begin(keyId, 'test', async (signal) => {
      await once(signal, 'abort');
      isUndone = true;
      throw signal.reason;
    });
    await server.close();
    assert.ok(isUndone);
    assert.match((await server.get(keyId, last.id)).failure?.message ?? '', /server was stopped/);
    await assert.rejects(
      server.begin(keyId, 'test', async () => ({})),
      /is stopping/,
    );
  });

  it('counts as failed when its server has died', async (t) => {
    const { clock, advance } = movableClock();
    const h = await start(t, { clock });
    const id = newId();
    const at = clock.now();
    const begun = { id, action: 'layerVerify', status: 'running', begunAt: at, seenAt: at };
    const rest = { phase: null, failure: null, result: null };
    const sealed = h.masterKey.seal(JSON.stringify({ ...begun, ...rest }));
    await h.store.write('system', (work) =>
      work.idempotency.keep(h.operator.key as KeyId, `errand ${id}`, 'x', sealed, at + 1e6),
    );
    assert.equal((await h.ask('errandGet', undefined, h.operator, id)).body.status, 'running');
    const cancelled = await h.ask('errandCancel', undefined, h.operator, id);
    assert.deepEqual(
      [cancelled.status, /Another server/.test(cancelled.body.message)],
      [409, true],
    );
    advance(errandLostMs + 1000);
    const { body } = await h.ask('errandGet', undefined, h.operator, id);
    assert.deepEqual([body.status, body.failure.client_code], ['failed', 503]);
    assert.match(body.failure.message, /server that did it has ended/);
  });

  it('is refused while too many run', async (t) => {
    const h = await start(t);
    const all = await Promise.all(Array.from({ length: errandsMax }, () => h.hang()));
    assert.ok(all.every((id) => typeof id === 'string'));
    const more = await h.ask('layerVerify', {});
    assert.deepEqual([more.status, /wait for one to end/.test(more.body.message)], [503, true]);
  });
});

describe('a command inside a machine, over the operator’s API', () => {
  it('gives its status and its outputs, which are cut, and the trail has no arguments', async (t) => {
    const h = await start(t);
    const exec = (...command: string[]) => h.done('machineExec', { command }, h.machine);
    assert.deepEqual((await exec('echo', 'a secret')).result, {
      ...{ exit_code: 0, stdout: 'echo a secret', stderr: 'said', is_cut: false },
    });
    const [entry] = await auditList(h.store, 1);
    assert.equal(entry?.thing, `machine ${h.machine}: echo`);
    const loud = (await exec('loud')).result;
    assert.deepEqual([loud.exit_code, loud.stdout.length, loud.is_cut], [3, 1024 ** 2, true]);
    const none = await h.done('machineExec', { command: ['true'] }, '99');
    assert.equal(none.failure.client_code, 404);
    for (const command of [[], 'true', [1], Array.from({ length: 1001 }, () => 'a')])
      assert.equal((await h.ask('machineExec', { command }, h.operator, h.machine)).status, 400);
  });

  it('is refused with a sentence where the engine runs no guests or has one host', async (t) => {
    const h = await startOperator(t);
    const { failure } = await h.done('machineExec', { command: ['true'] }, '1');
    assert.match(failure.message, /The simulator runs no guests/);
    const members = await h.ask('memberList');
    assert.deepEqual([members.status, members.body.client_code], [400, 400]);
    assert.match(members.body.message, /The simulator has one host only/);
  });
});

describe('long lists over the operator’s API', () => {
  it('come in pages that have each thing once, also while others are added', async (t) => {
    const h = await start(t);
    for (let at = 0; at < 7; at++) await h.makeOperator();
    const all = async (name: 'keyList' | 'machineList', list: string, more?: () => unknown) => {
      const ids: string[] = [];
      let after: string | null = null;
      do {
        const query: string = `?limit=3${after === null ? '' : `&after=${after}`}`;
        const { body } = await h.send({ ...requestTo(name), query }, h.operator);
        assert.ok(body[list].length <= 3);
        ids.push(...body[list].map(({ id }: { id: string }) => id));
        after = body.next;
        await more?.();
      } while (after !== null && ids.length < 100);
      return ids;
    };
    const before = (await h.ask('keyList')).body.keys.map(({ id }: { id: string }) => id);
    let isAdded = false;
    const found = await all('keyList', 'keys', async () => {
      if (!isAdded) await h.makeOperator();
      isAdded = true;
    });
    assert.equal(new Set(found).size, found.length);
    assert.deepEqual(
      before.filter((id: string) => !found.includes(id)),
      [],
    );
    for (let at = 0; at < 5; at++) await h.addMachine(h.ours);
    assert.deepEqual(await all('machineList', 'machines'), [1, 2, 3, 4, 5, 6, 7]);
  });

  it('refuse a page that is too long and a place that is no id', async (t) => {
    const h = await start(t);
    for (const query of ['?limit=0', '?limit=1001', '?limit=x', '?after=', "?after='", '?page=2'])
      for (const name of ['keyList', 'layerList', 'machineList'] as const) {
        const { status } = await h.send({ ...requestTo(name), query }, h.operator);
        assert.equal(status, query === '?page=2' ? 200 : 400, `${name} ${query}`);
      }
    assert.equal(
      (await h.send({ ...requestTo('machineList'), query: '?after=x' }, h.operator)).status,
      400,
    );
  });
});
