// Traces: from a request through its jobs to the calls of the engine, and an endpoint that does not
// do what it should.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { noLog } from '../../src/lib/log.ts';
import { parseConfig } from '../../src/server/options.ts';
import { secretsOf } from '../../src/server/secrets.ts';
import { openTracing, tracingLimits } from '../../src/server/tracing.ts';
import { waitFor } from '../support.ts';
import { listenAs, startCollector, treeOf } from './collector.ts';
import { startHarness } from './harness.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentId = '00f067aa0ba902b7';
const traceparent = `00-${traceId}-${parentId}-01`;

async function traced(t: TestContext) {
  const collector = await startCollector(t);
  const headers = { authorization: 'Bearer of-the-collector' };
  const tracing = await openTracing({ endpoint: collector.endpoint, headers }, () => noLog);
  const h = await startHarness(t, { reconcile: false, tracer: tracing.tracer });
  /** Sends what waits. Nothing is traced after it. */
  const sent = async () => {
    await tracing.close();
    return collector.spans;
  };
  return { h, collector, sent };
}

describe('the trace of a request', () => {
  it('goes from install, assign and start through their jobs to the engine', async (t) => {
    const { h, collector, sent } = await traced(t);
    const [machine = 0] = h.machines;
    const ask: typeof h.call = async (operation, input) => {
      const answer = await h.call(operation, { ...input, headers: { traceparent } });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      await h.service.reconciler.settle();
      return answer;
    };
    const built = await ask('imageInstall', {
      body: { software_ids: [h.editor.id, h.browser.id] },
    });
    const params = { id: built.body.id };
    await ask('imageAssign', { params, body: { machine_ids: [machine] } });
    await ask('machineStart', { params: { id: machine } });
    await ask('imageGet', { params });

    const spans = await sent();
    assert.deepEqual(treeOf(spans, parentId), [
      'imageInstall',
      '  imageInstall',
      '    buildLayer',
      '    buildLayer',
      'imageAssign',
      'machineStart',
      '  machineStart',
      // A template must be of the same QEMU and processor.
      '    fingerprint',
      // The layers are verified before a disk is first made on them.
      '    digest',
      '    digest',
      '    digest',
      '    ensureDisk',
      '    startMachine',
      'imageGet',
    ]);
    assert.deepEqual([...new Set(spans.map((span) => span.traceId))], [traceId]);
    const [request] = spans;
    assert.equal(request?.attributes['http.response.status_code'], 200);
    assert.equal(request?.attributes['silversmith.organisation.id'], h.ours);
    const job = spans.find(({ attributes }) => attributes['silversmith.job.id'] !== undefined);
    assert.equal(String(job?.attributes['silversmith.image.id']), built.body.id);
    assert.equal(job?.attributes['silversmith.outcome'], 'done');
    assert.ok(collector.requests.every(({ path }) => path === '/v1/traces'));
    assert.equal(collector.requests[0]?.authorization, 'Bearer of-the-collector');
  });

  it('begins with each change, with no read, and with nothing that is not signed', async (t) => {
    const { h, sent } = await traced(t);
    await h.call('imageList');
    await h.call('imageInstall', { body: { software_ids: [h.editor.id] } });
    const stranger = { key: 'nobody', secret: 'nothing' };
    const below = (header: string) => ({ headers: { traceparent: header } });
    for (const header of [traceparent, 'nonsense', '0'.repeat(5000)])
      await h.call('imageInstall', below(header), stranger);
    await h.call('imageList', below(`00-${traceId}-${parentId}-00`));
    await h.call('imageList', below(`00-${'0'.repeat(32)}-${parentId}-01`));
    const spans = await sent();
    assert.deepEqual(
      spans.map(({ name, traceId: id }) => [name, id === traceId, /^0+$/.test(id)]),
      [
        ['imageInstall', false, false],
        ['imageList', false, false],
      ],
    );
  });

  it('says by a code what failed, and has no name, text or secret', async (t) => {
    const { h, collector, sent } = await traced(t);
    await h.store.write('system', (work) => work.organisations.ensure('Secret organisation'));
    await h.call('imageInstall', {
      body: { name: 'Secret image', software_ids: [h.broken.id] },
    });
    await h.service.reconciler.settle();
    const spans = await sent();
    const failed = spans.filter(({ status }) => status.code === 2);
    assert.deepEqual(
      failed.map(({ name, attributes }) => `${name} ${attributes['error.type']}`),
      ['imageInstall failed'],
    );
    const all = collector.requests.map(({ text }) => text).join('');
    const { key, secret } = h.keys.ours;
    for (const word of ['Secret', 'Broken', 'sim-fail', key, secret])
      assert.ok(!all.includes(word), word);
  });
});

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/**
 * What the process keeps. Its resident memory also has what other tests of the process have left.
 */
function liveBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/**
 * Ends so many spans. `slowMs` is what all but the slowest hundredth took at most: a busy machine
 * makes some of them wait.
 */
async function endSpans(endpoint: string, count: number) {
  const lost: unknown[] = [];
  const log = { ...noLog, warn: (fields: object) => void lost.push(fields) };
  const tracing = await openTracing({ endpoint, headers: {} }, () => log);
  const tookMs: number[] = [];
  for (let n = 0; n < count; n++) {
    const begun = performance.now();
    tracing.tracer
      .begin({ name: 'work', kind: 'consumer', parent: undefined, attributes: { n } })
      ?.end();
    tookMs.push(performance.now() - begun);
    // Let what is sent go out meanwhile.
    if (n % 500 === 0) await new Promise(setImmediate);
  }
  const slowMs = tookMs.sort((one, other) => one - other).at(Math.floor(count * 0.99)) ?? 0;
  return { tracing, lost, slowMs };
}

describe('an endpoint of traces', () => {
  type Opened = { endpoint: string; connections(): number };
  const endpoints: Record<string, (t: TestContext, took: { bytes: number }) => Promise<Opened>> = {
    'that takes a connection and never answers': (t) => listenAs(t, () => {}),
    'that is away': async () => ({ endpoint: 'http://127.0.0.1:9', connections: () => 0 }),
    'that answers without an end': (t, took) =>
      listenAs(t, (request, response) => {
        request.resume();
        response.writeHead(200, { 'content-type': 'application/json' });
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')))
            took.bytes += 65_536;
        };
        response.on('drain', more);
        more();
      }),
    'that refuses': (t) =>
      listenAs(t, (request, response) => {
        request.resume();
        response.writeHead(500).end('no');
      }),
  };
  for (const [what, open] of Object.entries(endpoints))
    it(`${what} costs no request its time, and the server neither memory nor its end`, async (t) => {
      const took = { bytes: 0 };
      const { endpoint, connections } = await open(t, took);
      const before = liveBytes();
      const { tracing, slowMs } = await endSpans(endpoint, 20_000);
      assert.ok(slowMs < 100, `a span took ${slowMs} ms`);
      await tracing.close();
      assert.ok(took.bytes < 64 * 1024 ** 2, `it sent ${took.bytes} bytes`);
      await waitFor('no connection is left', () => connections() === 0);
      const grownMb = (liveBytes() - before) / 1024 ** 2;
      t.diagnostic(`${grownMb} MB`);
      assert.ok(grownMb < 150, `the process has grown by ${grownMb} MB`);
    });

  it('that works gets all that waits when the server ends', async (t) => {
    const { endpoint, spans } = await startCollector(t);
    const { tracing } = await endSpans(endpoint, tracingLimits.spansWaiting);
    await tracing.close();
    assert.equal(spans.length, tracingLimits.spansWaiting);
  });

  it('that loses spans is named in the log', async (t) => {
    const refusing = await endpoints['that refuses']?.(t, { bytes: 0 });
    const { tracing, lost } = await endSpans(refusing?.endpoint ?? '', 1000);
    await waitFor('the log says so', () => lost.length > 0);
    await tracing.close();
    assert.equal(lost.length, 1);
  });
});

describe('the settings of traces', () => {
  const endpoint = 'http://127.0.0.1:4318';
  const of = (headers: string) =>
    parseConfig({}, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers });

  it('are those of OpenTelemetry, and their headers are secrets', () => {
    const config = of('authorization=Bearer%20a%2Cb, x-org=one');
    const headers = { authorization: 'Bearer a,b', 'x-org': 'one' };
    assert.deepEqual(config.trace, { endpoint, headers });
    assert.ok(secretsOf(config).includes('Bearer a,b'));
    assert.equal(parseConfig({}, {}).trace, null);
  });

  it('are refused with the name of the variable when they cannot be used', () => {
    for (const wrong of ['nothing', 'a=%zz', '=b', 'a=', 'a b=c', 'a=b,,c=d', 'a=b\r\nx: y'])
      assert.throws(() => of(wrong), /OTEL_EXPORTER_OTLP_HEADERS/, wrong);
    for (const wrong of ['here', 'ftp://a', 'http://user:word@host', 'http://a?b=c'])
      assert.throws(() => parseConfig({ otlpEndpoint: wrong }, {}), /--otlp-endpoint/, wrong);
  });
});
