// GET /images/{id}/log?follow=true: the lines of a build while it runs, and to its end.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageId, SoftwareId } from '../../src/domain/ids.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import { waitFor } from '../support.ts';
import { type Frame, type Heard, hearing } from './event-reader.ts';

/** An engine whose builds print what a test says, and end when it says so. */
function talking() {
  let say: (line: string) => void = () => {};
  const ended = Promise.withResolvers<void>();
  const wrapEngine = (engine: Engine): Engine => ({
    ...engine,
    async buildLayer(spec, call) {
      say = spec.onLine ?? say;
      say('begun');
      await Promise.race([
        ended.promise,
        new Promise((_, reject) =>
          call.signal.addEventListener('abort', () => reject(call.signal.reason)),
        ),
      ]);
      return engine.buildLayer(spec, call);
    },
  });
  return { wrapEngine, say: (line: string) => say(line), end: () => ended.resolve() };
}

const linesOf = (frames: readonly Frame[]): string[] =>
  frames.filter(({ event }) => event === 'image.log').flatMap(({ data }) => data.lines);
const isOver = (heard: Heard) => waitFor('the stream is over', () => heard.isOver());

describe('a log that is followed', () => {
  it('has each line while the build runs, and ends when the image is made', async (t) => {
    const { wrapEngine, say, end } = talking();
    const { h, hear } = await hearing(t, { reconcile: true, wrapEngine });
    const { body } = await h.call('imageInstall', { body: { software_ids: [h.editor.id] } });
    const path = `/images/${body.id}/log`;
    const follow = (more: object = {}) => hear({ path, query: '?follow=true', ...more });
    const heard = await follow();
    assert.equal(heard.headers['content-type'], 'text/event-stream; charset=utf-8');
    const has = (one: Heard, line: string) =>
      waitFor(`the line ${line}`, () => linesOf(one.frames).includes(line));
    await has(heard, 'begun');
    say('a line with "quotes", \u2028 and data: x');
    const late = await follow();
    for (const one of [heard, late]) {
      await has(one, 'begun');
      await has(one, 'a line with "quotes", \u2028 and data: x');
    }
    late.close();
    const log = async () => (await h.call('imageLog', { params: { id: body.id } })).body;
    const { steps, running } = await log();
    assert.deepEqual([steps, running.position, running.name], [[], 1, 'Editor']);
    assert.equal(running.output, 'begun\na line with "quotes", \u2028 and data: x\n');
    say('last');
    end();
    await isOver(heard);
    assert.deepEqual(linesOf(heard.frames), [
      ...['begun', 'a line with "quotes", \u2028 and data: x'],
      ...['last', 'simulated: Editor'],
    ]);
    assert.equal((await log()).running, null);
    const last = heard.frames.at(-1);
    assert.deepEqual([last?.event, last?.data.status], ['end', 'available']);
    const again = await follow({ lastEventId: late.lastId() });
    await isOver(again);
    assert.deepEqual(linesOf(again.frames), ['last', 'simulated: Editor']);
    assert.equal(again.frames.at(-1)?.data.status, 'available');
  });

  it('of an image that is made has the whole log and the end at once; one that failed too', async (t) => {
    const { h, hear } = await hearing(t);
    const software_ids = [h.editor.id, h.broken.id];
    const { body } = await h.call('imageInstall', { body: { software_ids } });
    await h.service.reconciler.settle();
    const heard = await hear({ path: `/images/${body.id}/log`, query: '?follow' });
    await isOver(heard);
    assert.deepEqual(
      heard.frames.map(({ event, data }) => [event, data.software, data.exit_code, data.status]),
      [
        ['image.log', 'Editor', 0, undefined],
        ['image.log', 'Broken sim-fail-build', 1, undefined],
        ['end', undefined, undefined, 'failed'],
      ],
    );
    assert.match(linesOf(heard.frames).join('\n'), /^simulated: Editor\nBroken.*fails on purpose$/);
    const { body: whole } = await h.call('imageLog', { params: { id: body.id } });
    assert.equal(whole.steps.length, 2);
    const notFollowed = await h.call('imageLog', {
      ...{ params: { id: body.id }, query: '?follow=false' },
    });
    assert.deepEqual(notFollowed.body.steps, whole.steps);
  });

  it('has all of a long log, of which the plain answer has the ends alone', async (t) => {
    const { h, hear } = await hearing(t);
    const { body } = await h.call('imageInstall', { body: { software_ids: [h.editor.id] } });
    await h.service.reconciler.settle();
    const line = `${'x'.repeat(99)}\n`;
    const outputs = Array.from({ length: 12 }, (_, at) => `short ${at}\n${line.repeat(2600)}`);
    await h.store.write('system', async (work) => {
      for (const [at, output] of outputs.entries())
        await work.images.recordStep(Number(body.id) as ImageId, {
          ...{ position: at + 1, softwareId: h.editor.id as SoftwareId, output },
          ...{ cache: 'miss', exitCode: 0, durationMs: 1 },
        });
    });
    const heard = await hear({ path: `/images/${body.id}/log`, query: '?follow' });
    await isOver(heard);
    assert.equal(`${linesOf(heard.frames).join('\n')}\n`, outputs.join(''));
    const { body: plain } = await h.call('imageLog', { params: { id: body.id } });
    const kept: string[] = plain.steps.map(({ output }: { output: string }) => output);
    assert.equal(kept.length, outputs.length);
    assert.ok(kept.join('').length < 1_100_000);
    for (const output of kept)
      assert.match(output, /^… \d+ characters left out; follow the log to see them …\nx*\nx{99}\n/);
  });

  it('ends when the image is deleted, and is not found for another organisation', async (t) => {
    const { h, hear } = await hearing(t);
    const { body } = await h.call('imageInstall');
    const path = `/images/${body.id}/log`;
    const heard = await hear({ path, query: '?follow=true' });
    await waitFor('it is open', () => heard.lastId() !== '');
    const foreign = await hear({ path, query: '?follow=true', as: h.keys.theirs });
    assert.equal(foreign.status, 404);
    for (const query of ['?follow=', '?follow=True', '?follow=1'])
      assert.equal((await hear({ path, query })).status, 200, query);
    assert.equal((await hear({ path, query: '?follow=yes' })).status, 400);
    await h.call('imageDelete', { params: { id: body.id } });
    await isOver(heard);
    assert.equal(heard.frames.at(-1)?.data.status, 'deleted');
  });

  it('leaves out lines that are too many, and says so', async (t) => {
    const { wrapEngine, say, end } = talking();
    const { h, hear } = await hearing(t, { reconcile: true, wrapEngine });
    const { body } = await h.call('imageInstall', { body: { software_ids: [h.editor.id] } });
    const heard = await hear({ path: `/images/${body.id}/log`, query: '?follow=true' });
    await waitFor('it has begun', () => linesOf(heard.frames).length > 0);
    for (let n = 0; n < 100_000; n++) say(`line ${n}`);
    end();
    await isOver(heard);
    const lines = linesOf(heard.frames);
    assert.ok(lines.length < 2000);
    assert.match(lines.join('\n'), /… \d{5} lines left out …/);
  });
});
