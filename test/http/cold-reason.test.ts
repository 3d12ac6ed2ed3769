// Reasons for which a machine boots because it has no template to start from, as its attribute
// `started` and the metric of starts say them. cold-start.test.ts has those of a ready template.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ColdReason, coldReasons } from '../../src/domain/template.ts';
import type { Scope } from '../support.ts';
import { type Harness, startHarness } from './harness.ts';

/** A machine that an image is assigned to. No template is made until a test asks for it. */
async function assigned(t: Scope, options: Parameters<typeof startHarness>[1] = {}) {
  const settings = { templatePolicy: 'on-assignment', ...options.settings } as const;
  const h = await startHarness(t, { reconcile: false, ...options, settings });
  const { reconciler } = h.service;
  const { body } = await h.call('imageInstall', { body: { software_ids: [h.viewer.id] } });
  await reconciler.settle();
  const image = { id: body.attributes.id };
  const machine = { id: h.machines[0] };
  await h.call('imageAssign', { params: image, body: { machine_ids: [machine.id] } });
  /** Turns the machine on or off, and waits until it is. */
  const turn = async (name: 'machineStart' | 'machineStop') => {
    await h.call(name, { params: machine });
    await reconciler.settle();
    const shown = await h.call('machineGet', { params: machine });
    const { friendly_status, started } = shown.body.attributes;
    assert.equal(friendly_status, name === 'machineStart' ? 'ready' : 'off');
    return started;
  };
  return { h, reconciler, image, machine, turn };
}

/** How many starts from disk were counted, by their reason. */
async function countedOn(h: Harness): Promise<Partial<Record<ColdReason, number>>> {
  const { body } = await h.service.app.inject({ method: 'GET', url: '/metrics' });
  const line = /^silversmith_machine_starts_total\{how="disk",reason="(\w+)"\} (\d+)$/gm;
  const counts = [...body.matchAll(line)].map(([, reason, count]) => [reason, Number(count)]);
  assert.deepEqual(counts.map(([reason]) => reason).sort(), Object.keys(coldReasons).sort());
  return Object.fromEntries(counts.filter(([, count]) => count !== 0));
}

const onDisk = (started: { from: string; because: string | null }, because: string | null) =>
  assert.deepEqual([started.from, started.because], ['disk', because]);

describe('a machine without a template to start from', () => {
  it('boots on the disk that it has, and nothing is said of it', async (t) => {
    const { h, reconciler, turn } = await assigned(t);
    await reconciler.task('template');
    await reconciler.settle();
    assert.equal((await turn('machineStart')).from, 'memory');
    await turn('machineStop');
    onDisk(await turn('machineStart'), null);
    assert.deepEqual(await countedOn(h), { own_disk: 1 });
  });

  it('boots while its template is made, and does not wait for it', async (t) => {
    const { h, reconciler, turn } = await assigned(t);
    await reconciler.task('template');
    const [template] = await h.store.read('system', (work) => work.templates.list());
    assert.equal(template?.state, 'making');
    onDisk(await turn('machineStart'), coldReasons.making);
    assert.deepEqual(await countedOn(h), { making: 1 });
  });

  it('boots on an engine that starts no machines from memory, and says so', async (t) => {
    const wrapEngine = ({ instant: _, ...engine }: Harness['engine']) => engine;
    const { h, reconciler, turn } = await assigned(t, { wrapEngine: wrapEngine as never });
    await reconciler.task('template');
    onDisk(await turn('machineStart'), coldReasons.unsupported);
    assert.deepEqual(await countedOn(h), { unsupported: 1 });
  });

  const levels: Record<string, (world: Awaited<ReturnType<typeof assigned>>) => unknown> = {
    'its image': ({ h, image }) =>
      h.call('imageTemplatesSet', { params: image, body: { templates: 'never' } }),
    'its organisation': ({ h }) =>
      h.store.write('system', (work) => work.organisations.setTemplates(h.ours, 'never')),
  };
  for (const [level, forbid] of Object.entries(levels))
    it(`boots when ${level} says never, also with a template that exists`, async (t) => {
      const world = await assigned(t);
      await world.reconciler.task('template');
      await world.reconciler.settle();
      await forbid(world);
      onDisk(await world.turn('machineStart'), coldReasons.never);
      assert.deepEqual(await countedOn(world.h), { never: 1 });
    });

  it('boots when the server says never', async (t) => {
    const { h, reconciler, turn } = await assigned(t, { settings: { templatePolicy: 'never' } });
    await reconciler.task('template');
    onDisk(await turn('machineStart'), coldReasons.never);
    assert.deepEqual(await countedOn(h), { never: 1 });
  });
});
