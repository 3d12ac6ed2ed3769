// The log: who asked for each line, and no secret in any of them.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { type AppError, failedForGood } from '../../src/domain/error.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { startHarness } from './harness.ts';

interface Line {
  msg: string;
  request?: string;
  job?: number;
  [field: string]: unknown;
}

async function logged(t: TestContext, options: Parameters<typeof startHarness>[1] = {}) {
  const texts: string[] = [];
  const h = await startHarness(t, { ...options, writeLog: (line) => void texts.push(line) });
  return { h, texts, lines: (): Line[] => texts.map((text) => JSON.parse(text)) };
}

describe('a line of the log', () => {
  it('about a job names it, its attempt, its things, and the request that asked for it', async (t) => {
    const { h, lines } = await logged(t, { reconcile: false });
    const [one = 0, other = 0] = h.machines;
    const asked = new Map<unknown, string>();
    const ask = async (name: string, ...[operation, input]: Parameters<typeof h.call>) => {
      const answer = await h.call(operation, input);
      asked.set(answer.headers['x-request-id'], name);
      await h.service.reconciler.settle();
      return answer;
    };
    const built = await ask('build', 'imageInstall', { body: { software_ids: [h.editor.id] } });
    await ask('broken build', 'imageInstall', { body: { software_ids: [h.broken.id] } });
    await ask('start', 'machineStart', { params: { id: one } });
    await ask('assign', 'imageAssign', {
      params: { id: built.body.id },
      body: { machine_ids: [one] },
    });
    await ask('capture', 'imageCapture', { body: { machine_id: one } });
    await ask('other start', 'machineStart', { params: { id: other } });
    await ask('other stop', 'machineStop', { params: { id: other } });

    const ended = lines().filter(({ msg }) => msg.startsWith('job '));
    assert.deepEqual(
      ended.map(({ msg, kind, request }) => `${asked.get(request)}: ${kind}, ${msg}`),
      [
        'build: imageInstall, job done',
        'broken build: imageInstall, job failed',
        'start: machineStart, job done',
        'assign: machineStop, job done',
        'capture: imageCapture, job done',
        'other start: machineStart, job done',
        'other stop: machineStop, job done',
      ],
    );
    for (const line of ended) {
      assert.equal(typeof line.job, 'number');
      assert.equal(line.attempt, 1);
      assert.ok(Number(line.image ?? line.machine) > 0, JSON.stringify(line));
    }
    assert.equal(ended[2]?.machine, one);
  });

  it('about a request has the id of its answer, whatever came of it', async (t) => {
    const { h, lines } = await logged(t, { reconcile: false });
    const answers = [
      await h.call('imageList'),
      await h.call('imageGet', { params: { id: 999_999 } }),
      await h.send({ method: 'GET', path: '/app_stream_api/v1/nothing' }),
      await h.send({ method: 'GET', path: '/healthz' }),
    ];
    const ids = answers.map(({ headers }) => headers['x-request-id']);
    const said = lines().filter(({ msg }) => msg === 'request answered');
    assert.deepEqual(
      said.map(({ request }) => request),
      ids,
    );
    assert.deepEqual(
      said.map(({ operation, code }) => `${operation} ${code}`),
      ['imageList 200', 'imageGet 404', 'none 404', '/healthz 200'],
    );
    assert.equal(said[0]?.organisation, h.ours);
  });
});

/** The secrets that a server meets, and one error that has all of them in its parts. */
function secretsAndError() {
  const secret = () => randomBytes(32).toString('base64url');
  const signature = randomBytes(32).toString('hex');
  const secrets = {
    key: secret(),
    link: secret(),
    webhook: 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    database: 'a database’s own word',
    master: randomBytes(32).toString('hex'),
    signature,
    row: 'the row of a table',
  };
  const driver = Object.assign(new Error(`cannot reach postgres://me:${secrets.key}@db/name`), {
    // Drivers put what was sent to them into fields like these.
    detail: `Failing row contains (${secrets.row}, ${signature}).`,
    parameters: [secrets.row, signature],
    headers: { authorization: `HMAC key:${signature}:${randomUUID()}:1790000000000` },
  });
  const words = [secrets.database, secrets.master, `whsec_${secrets.webhook}`].join(' and ');
  const cause = new Error(`GET /access/${secrets.link} with ${words}`, { cause: driver });
  return { secrets, error: () => failedForGood('It failed.', { detail: words, cause }) };
}

describe('no line of the log, of any level,', () => {
  it('has a secret of a request, of the server, or in an error, its detail and its causes', async (t) => {
    const { secrets, error } = secretsAndError();
    const fails = { engine: false, store: false };
    const verbs = ['ensureDisk', 'read', 'write', 'check'];
    const failing = <Part extends object>(part: Part, which: keyof typeof fails): Part =>
      new Proxy(part, {
        get(target, name) {
          const value = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          const isVerb = verbs.includes(String(name));
          return (...args: unknown[]) =>
            fails[which] && isVerb ? Promise.reject(error()) : value.apply(target, args);
        },
      });
    const { h, texts, lines } = await logged(t, {
      reconcile: false,
      secrets: [secrets.database, secrets.master],
      wrapEngine: (engine: Engine) => failing(engine, 'engine'),
      wrapStore: (store: Store) => failing(store, 'store'),
    });
    await h.call('machineStart', { params: { id: h.machines[0] } });
    fails.engine = true;
    await h.service.reconciler.settle();
    fails.engine = false;
    fails.store = true;
    const authorization = `HMAC ${h.keys.ours.key}:${secrets.signature}:nonce:${Date.now()}`;
    const asked = [
      await h.call('imageList'),
      await h.send({ method: 'GET', path: `/access/${secrets.link}` }),
      await h.send({ method: 'GET', path: '/readyz', headers: { authorization } }),
      await h.send({ method: 'GET', path: '/%zz', headers: { authorization } }),
    ];
    assert.deepEqual(
      asked.map(({ status }) => status),
      [500, 500, 503, 400],
    );
    // A part of the framework that fails by itself writes down the request.
    h.service.app.log.error({ req: { url: `/access/${secrets.link}` }, err: error() }, 'by itself');
    h.service.app.log.warn({ secret: secrets.row, nested: { token: secrets.row } }, secrets.key);
    fails.store = false;

    const said = lines().map(({ msg }) => msg);
    for (const message of ['job failed', 'request failed', 'by itself'])
      assert.ok(said.includes(message), message);
    const all = texts.join('');
    const ours = { ...secrets, ourSecret: h.keys.ours.secret };
    for (const [name, secret] of Object.entries(ours))
      assert.ok(!all.includes(secret), `${name} is in the log`);
    const failed = lines().find(({ msg }) => msg === 'by itself')?.err as AppError;
    assert.equal(failed.message, 'It failed.');
    assert.match(String(failed.detail), /\[redacted\] and \[redacted\]/);
    assert.match(failed.stack ?? '', /log\.test\.ts/);
  });
});
