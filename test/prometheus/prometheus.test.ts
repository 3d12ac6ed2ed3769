// The alerting rules and the dashboard, with Prometheus's own tools and with a Prometheus that
// scrapes a server. It is not a part of npm test: npm run test:prometheus.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { startHarness } from '../http/harness.ts';
import { waitFor } from '../support.ts';
import { casesFile, promtool, rulesFile, startPrometheus } from './prometheus.ts';

interface Panel {
  id: number;
  title: string;
  type: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string }[];
}

const dashboard: { panels: Panel[] } = JSON.parse(
  await readFile(new URL('../../docs/guide/grafana-dashboard.json', import.meta.url), 'utf8'),
);

/** The expression as Grafana sends it, with its variables filled in. */
const filled = (expression: string) =>
  expression
    .replaceAll('$job', 'silversmith')
    .replaceAll('$instance', '.*')
    .replaceAll('$__rate_interval', '30s');

describe('the alerting rules', () => {
  it('can be read, and fire when they should and not before', async () => {
    await promtool('check', 'rules', rulesFile);
    await promtool('test', 'rules', casesFile);
  });

  it('each have a case in which they fire, and one in which they do not', async () => {
    const [rules, cases] = await Promise.all([
      readFile(rulesFile, 'utf8'),
      readFile(casesFile, 'utf8'),
    ]);
    const names = [...rules.matchAll(/alert: (\w+)/g)].map(([, name = '']) => name);
    assert.ok(names.length > 15);
    for (const name of names) {
      const outcomes = [
        ...cases.matchAll(new RegExp(`alertname: ${name}\\n *exp_alerts: \\[(.)`, 'g')),
      ];
      assert.deepEqual([...new Set(outcomes.map(([, next]) => next))].sort(), [']', '{'], name);
    }
  });
});

describe('the dashboard', () => {
  it('has no two panels with one id or one place', () => {
    const { panels } = dashboard;
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panels)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.equal(taken.get(`${x} ${y}`), undefined, `${title} covers another panel`);
          assert.ok(x < 24, `${title} is beyond the edge`);
          taken.set(`${x} ${y}`, title);
        }
  });
});

describe('a Prometheus that scrapes a server', () => {
  it('can read its metrics, has data for each panel, and fires no alert for a server that is well', async (t) => {
    const h = await startHarness(t);
    await h.service.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = h.service.app.server.address() as AddressInfo;
    const [machine = 0] = h.machines;
    // The first scrape has to see each counter before it grows.
    const work = async () => {
      for (const software of [h.editor, h.browser, h.viewer, h.broken, h.filling])
        await h.call('imageInstall', { body: { software_ids: [software.id] } });
      await h.call('machineStart', { params: { id: machine } });
      await h.machineIs(machine, 'ready');
      await h.call('machineStop', { params: { id: machine } });
      await h.machineIs(machine, 'off');
    };
    await work();
    await h.service.reconciler.settle();
    const prometheus = await startPrometheus(t, `127.0.0.1:${port}`);
    await waitFor(
      'it has scraped the server',
      async () => (await prometheus.query('up{job="silversmith"} == 1')).length === 1,
      30_000,
    );
    await work();
    const empty = async () => {
      const found: string[] = [];
      for (const { title, targets = [] } of dashboard.panels)
        for (const { expr } of targets)
          if ((await prometheus.query(filled(expr))).length === 0) found.push(`${title}: ${expr}`);
      return found;
    };
    let without: string[] = ['nothing was asked for'];
    await waitFor(
      'each panel has data',
      async () => {
        without = await empty();
        return without.length === 0;
      },
      60_000,
    ).catch(() => {});
    assert.deepEqual(without, []);

    const rules = await prometheus.rules();
    assert.ok(rules.length > 15);
    for (const { name, health, state } of rules)
      assert.deepEqual([name, health, state], [name, 'ok', 'inactive']);
  });

  it('would be told of a metric that is named or described against its rules', async (t) => {
    const h = await startHarness(t);
    await h.call('imageList');
    const { body } = await h.service.app.inject({ method: 'GET', url: '/metrics' });
    // prom-client has a few of its own that end in _total and are no counters.
    const ours = body.split('\n').filter((line) => /^(# \w+ )?silversmith_/.test(line));
    await new Promise<void>((resolve, reject) => {
      const child = execFile('promtool', ['check', 'metrics'], (error, said, faults) =>
        error ? reject(new Error(`${error.message}${said}${faults}`)) : resolve(),
      );
      child.stdin?.end(`${ours.join('\n')}\n`);
    });
  });
});
