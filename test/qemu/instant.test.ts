// Machines that start from the memory of a template, on real disks: each is a machine of its own,
// and what cannot be used is told, and boots.

import assert from 'node:assert/strict';
import { open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { MachineId, TemplateId } from '../../src/domain/ids.ts';
import { withoutJob } from '../../src/engine/port/call.ts';
import type { Started } from '../../src/engine/port/machines.ts';
import { call } from '../call.ts';
import { layerId } from '../contract/engine/world.ts';
import { defer, type Scope, waitFor } from '../support.ts';
import { type TemplateWorld, templateWorld } from './template-world.ts';

const becauseOf = (started: Started) => (started.how === 'cold' ? started.because : 'instant');

describe('an instant start', () => {
  const suite: Scope = { after };
  defer(suite, () => {});
  let world: TemplateWorld;
  before(async () => {
    world = await templateWorld(suite);
  });

  it('makes the template once, and finds it again', async () => {
    const { engine, spec, made, template, root } = world;
    assert.deepEqual(await engine.instant.makeTemplate(spec, call), made);
    const { stateSha256, memorySha256 } = template;
    assert.deepEqual(
      await engine.instant.digestTemplate({ ...template, bytesPerSecond: 0 }, call),
      { stateSha256, memorySha256 },
    );
    const bytes = (await engine.instant.templates(call)).get(template.templateId) ?? 0;
    assert.ok(bytes >= made.stateBytes + made.memoryBytes);
    assert.ok((await engine.inventory(call)).layers.has(spec.resultLayerId));
    assert.deepEqual(await readdir(join(root, 'builds')), []);
    assert.deepEqual(await readdir(join(root, 'run')), []);
  });

  it('gives each machine its own identity, numbers and name, the time, and the whole of its disk', async () => {
    const { start, inside, stop, engine } = world;
    const who = [
      ...['cat /etc/machine-id', 'cat /var/lib/silversmith/identity'],
      ...['cat /proc/sys/kernel/random/boot_id', 'cat /sys/class/dmi/id/product_uuid'],
      ...[
        '[ "$(cat /etc/hostname)" = "$(hostname)" ] && hostname',
        'head -n 1 /run/hooked',
        'tail -n 1 /run/hooked',
        'od -An -tx8 -N8 /dev/urandom',
      ],
      // The journal runs under the new id as soon as it is there again.
      'until j=$(journalctl -n 1 -o json) && [ -n "$j" ]; do sleep 0.2; done; ls /var/log/journal /run/log/journal',
      'df --output=size -BM / | tail -n 1',
      'date +%s',
    ];
    const shown: string[][] = [];
    for (const id of [1, 2]) {
      assert.deepEqual(await start(id), { how: 'instant' });
      assert.equal(await engine.machineState(id as MachineId, call), 'ready');
    }
    for (const id of [1, 2]) {
      const [machine = '', instance, boot, uuid, name, hooked, turn, random, ...rest] =
        await inside(id, who.join('\n'));
      assert.match(machine, /^[0-9a-f]{32}$/);
      assert.equal(name, `studio-${id}`);
      assert.equal(hooked, name, 'the hook has run when the machine had its name');
      assert.match(turn ?? '', /SCHED_OTHER$/, 'the hook has run at its turn');
      assert.ok(rest.includes(machine), `the journal of ${machine} is among ${rest}`);
      const [seconds, megabytes] = [Number(rest.at(-1)), Number.parseInt(rest.at(-2) ?? '', 10)];
      assert.ok(megabytes > 2500, `the file system has ${megabytes} MB of 3 GB`);
      assert.ok(Math.abs(seconds - Date.now() / 1000) < 600, `its clock says ${seconds}`);
      shown.push([machine, instance, boot, uuid, name, random].map(String));
    }
    assert.equal(new Set(shown.flat()).size, 12, JSON.stringify(shown));
    for (const id of [1, 2]) await stop(id);
  });

  it('boots a machine whose hook fails, and names the hook', async () => {
    const { start, stop } = world;
    assert.equal(
      becauseOf(await start(3, { name: 'no hook' })),
      'the hook 10-licence of its image failed (7): no licence is left',
    );
    await stop(3);
  });

  it('boots a machine that does not fit the template, and says why', async () => {
    const { start, stop, spec, template } = world;
    for (const [more, reason] of [
      [{ memoryMb: 768 }, /another machine type/],
      [{ chain: spec.chain }, /not one of its template/],
      [{ template: { ...template, stateSha256: '0'.repeat(64) } }, /state .* is damaged/],
      [{ template: { ...template, memorySha256: '0'.repeat(64) } }, /memory .* is damaged/],
      [{ template: { ...template, templateId: layerId() as string as TemplateId } }, /missing/],
    ] as const) {
      assert.match(String(becauseOf(await start(4, more))), reason);
      await stop(4);
    }
  });

  it('boots a machine whose template is damaged, missing or of another QEMU, and says which', async () => {
    const { root, template, start, stop, engine } = world;
    const file = (part: string) => join(root, 'templates', `${template.templateId}.${part}`);
    const record = await readFile(file('record'), 'utf8');
    // What is loaded already cannot be damaged.
    await engine.close();
    for (const part of ['memory', 'state']) {
      const undo = await flip(file(part));
      assert.match(String(becauseOf(await start(5))), new RegExp(`the ${part} of .* is damaged`));
      await stop(5);
      await undo();
    }
    await writeFile(file('record'), record.replace('tcg', 'kvm').replace('7.2', '6.2'));
    assert.match(String(becauseOf(await start(5))), /another QEMU or processor/);
    await stop(5);
    await writeFile(file('record'), 'no record');
    assert.match(String(becauseOf(await start(5))), /missing/);
    await stop(5);
    await writeFile(file('record'), record);
    assert.equal(becauseOf(await start(5)), 'instant');
    await stop(5);
  });

  it('begins a machine anew whose server died before the machine was one of its own', async () => {
    const { engine, machine, inside, root, stop } = world;
    const spec = await machine(6);
    assert.deepEqual(await engine.startMachine(spec, call), { how: 'instant' });
    await inside(6, 'echo lost >/root/lost && sync');
    const folder = join(root, 'machines', '6');
    await rename(join(folder, 'ready'), join(folder, 'cloning'));
    assert.equal(await engine.machineState(spec.machineId, call), 'on');
    assert.deepEqual(await engine.startMachine(spec, call), { how: 'instant' });
    assert.deepEqual(await inside(6, 'ls /root; cat /var/lib/silversmith/identity'), [spec.diskId]);
    await stop(6);
    // Its disk was written to, so memory of before must not run on it.
    assert.deepEqual(await engine.startMachine(spec, call), { how: 'instant' });
    await stop(6);
  });

  it('removes what a killed server left of a template, and keeps the others', async () => {
    const { engine, root, template } = world;
    for (const name of ['a1.memory', 'a1.state', 'b2.memory.part', 'c3.record.part'])
      await writeFile(join(root, 'templates', name), 'a part');
    assert.equal((await engine.instant.templates(call)).size, 4);
    await engine.hostBound.tidy(call);
    assert.deepEqual([...(await engine.instant.templates(call)).keys()], [template.templateId]);
    assert.equal((await readdir(join(root, 'templates'))).length, 3);
  });

  it('leaves nothing of a template whose making was ended', async () => {
    const { engine, root, spec, template } = world;
    const end = new AbortController();
    const ids = { templateId: layerId() as string as TemplateId, resultLayerId: layerId() };
    const making = engine.instant.makeTemplate({ ...spec, ...ids }, withoutJob(end.signal));
    const ended = assert.rejects(making, /enough/);
    await waitFor('its machine is on', async () => (await readdir(join(root, 'run'))).length > 0);
    end.abort(new Error('enough'));
    await ended;
    assert.deepEqual([...(await engine.instant.templates(call)).keys()], [template.templateId]);
    assert.ok(!(await engine.inventory(call)).layers.has(ids.resultLayerId));
    for (const folder of ['builds', 'run'])
      assert.deepEqual(await readdir(join(root, folder)), [], folder);
  });
});

/** Changes a byte in the middle of a file. The returned function changes it back. */
async function flip(path: string): Promise<() => Promise<void>> {
  const change = async () => {
    const file = await open(path, 'r+');
    const at = Math.floor((await file.stat()).size / 2);
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
    buffer[0] = (buffer[0] ?? 0) ^ 1;
    await file.write(buffer, 0, 1, at);
    await file.close();
  };
  await change();
  return change;
}
