// The events that the reconciler writes: of jobs, of what they print, and of what tasks find.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FleetEvent } from '../../src/domain/event.ts';
import type { MachineId } from '../../src/domain/ids.ts';
import { movableClock, virtualClock } from '../support.ts';
import { settled } from './settled.ts';
import { assertTold, eventsOf } from './told.ts';

const short = ({ type, subject, status, facts }: FleetEvent) =>
  [type, subject, status, facts.phase, facts.operation].filter((part) => part != null).join(' ');

describe('events of the reconciler', () => {
  it('tell each step of a build, what it prints, and its end', async (t) => {
    const { h, install } = await settled(t);
    const image = await install([h.editor.id, h.browser.id]);
    assert.deepEqual((await eventsOf(h.store)).map(short), [
      `image.changed ${image} pending imageInstall`,
      `image.progress ${image} building installing Editor (1 of 2)`,
      `image.log ${image}`,
      `image.progress ${image} building installing Browser (2 of 2)`,
      `image.log ${image}`,
      `image.changed ${image} available`,
    ]);
    const logs = (await eventsOf(h.store)).filter(({ type }) => type === 'image.log');
    assert.deepEqual(
      logs.map(({ facts }) => facts),
      ['Editor', 'Browser'].map((software, index) => ({
        ...{ position: index + 1, software, lines: [`simulated: ${software}`] },
        ...{ cache: 'miss', exitCode: 0 },
      })),
    );
    const second = (await eventsOf(h.store)).find(({ facts }) => facts.progress === 0.5);
    assert.equal(typeof second?.facts.remainingMs, 'number');
  });

  it('tell that a step was found, and why a build failed', async (t) => {
    const { h, install } = await settled(t);
    await install([h.editor.id]);
    const before = (await eventsOf(h.store)).at(-1)?.id ?? 0;
    await install([h.editor.id, h.broken.id]);
    const events = (await eventsOf(h.store)).filter(({ id }) => id > before);
    const logs = events.filter(({ type }) => type === 'image.log').map(({ facts }) => facts);
    assert.deepEqual([logs[0]?.cache, logs[0]?.lines], ['hit', []]);
    assert.deepEqual([logs[1]?.cache, logs[1]?.exitCode], ['miss', 1]);
    const end = events.at(-1);
    assert.deepEqual([end?.type, end?.status], ['image.changed', 'failed']);
    assert.match(end?.reason ?? '', /failed with exit status 1/);
    await assertTold(h);
  });

  it('do not repeat a step that waits, and tell why a job is tried again', async (t) => {
    const { h, install } = await settled(t, { clock: virtualClock() });
    await install([h.filling.id]);
    const events = await eventsOf(h.store);
    const steps = events.filter(({ facts }) => facts.phase !== undefined);
    assert.equal(steps.length, 1);
    const waits = events.filter(({ facts }) => facts.waitsBecause !== undefined);
    assert.ok(waits.length > 0);
    assert.match(waits[0]?.facts.waitsBecause ?? '', /disk is full/);
    await assertTold(h);
  });

  it('tell of a machine that is captured, and that went off by itself', async (t) => {
    const { h, id, does, write } = await settled(t);
    await write('text');
    const captured = await h.call('imageCapture', { body: { machine_id: id } });
    await assertTold(h);
    await h.service.reconciler.settle();
    await assertTold(h);
    const images = (await eventsOf(h.store)).filter(({ type }) => type === 'image.changed');
    assert.deepEqual(
      [images.at(-1)?.subject, images.at(-1)?.status],
      [captured.body.id, 'available'],
    );
    await does('machineStart', id);
    await h.engine.powerOff(id as MachineId);
    await h.service.reconciler.task('observe');
    await h.service.reconciler.settle();
    const last = (await eventsOf(h.store)).at(-1);
    assert.deepEqual([last?.type, last?.status], ['machine.changed', 'off']);
    assert.match(last?.reason ?? '', /went off by itself/);
  });

  it('tell of a damaged layer once to each organisation with an image on it, and of its healing', async (t) => {
    const { clock, advance } = movableClock();
    const { h, install, headOf } = await settled(t, { clock });
    const image = await install([h.editor.id]);
    const layer = await headOf(image);
    const verify = async () => {
      for (const _ of [1, 2, 3]) await h.service.reconciler.task('verify');
    };
    await verify();
    await h.engine.rot(layer);
    advance(31 * 24 * 3600_000);
    const before = (await eventsOf(h.store)).at(-1)?.id ?? 0;
    const news = async () => (await eventsOf(h.store)).filter(({ id }) => id > before).map(short);
    await verify();
    const damaged = [`image.changed ${image} failed`, `layer.damaged ${layer}`];
    assert.deepEqual(await news(), damaged);
    await h.engine.mend(layer);
    await h.service.reconciler.task('sweep');
    const healed = [`image.changed ${image} available`, `layer.healed ${layer}`];
    assert.deepEqual(await news(), [...damaged, ...healed]);
  });

  it('tell every organisation once that the host is low, and that it is not any more', async (t) => {
    const { h } = await settled(t);
    const measured = async (freeBytes: number) => {
      h.engine.setCapacity({ totalBytes: 1000, freeBytes });
      await h.service.reconciler.task('measure');
      return (await eventsOf(h.store)).map(({ type, organisationId }) => [type, organisationId]);
    };
    assert.deepEqual(await measured(500), []);
    const low = [
      ['host.low', h.ours],
      ['host.low', h.theirs],
    ];
    assert.deepEqual(await measured(10), low);
    assert.deepEqual(await measured(9), low);
    const recovered = low.map(([, id]) => ['host.recovered', id]);
    assert.deepEqual(await measured(500), [...low, ...recovered]);
  });

  it('are one for each machine of an assignment to 1,000, in four statements', async (t) => {
    let statements: string[] = [];
    const { h, install } = await settled(t, { onQuery: (sql) => statements.push(sql) });
    const image = await install([]);
    const machine_ids: number[] = [];
    for (let index = 0; index < 1000; index++) machine_ids.push((await h.addMachine(h.ours)).id);
    statements = [];
    const answer = await h.call('imageAssign', { params: { id: image }, body: { machine_ids } });
    assert.equal(answer.status, 200);
    assert.equal(statements.filter((sql) => /^insert into "event/.test(sql.trim())).length, 4);
    const events = (await eventsOf(h.store)).filter(
      ({ facts }) => facts.operation === 'imageAssign',
    );
    assert.equal(events.filter(({ type }) => type === 'machine.changed').length, 1000);
    assert.equal(events.length, 1001);
  });
});
