// Backup, restore and the doctor on the command line, beside a server that is at work.

import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { createClient } from '../../src/client/client.ts';
import { requirePart } from '../../src/engine/optional/parts.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import { newMasterKey } from '../../src/lib/master-key.ts';
import { backUp } from '../../src/server/backup.ts';
import { openEngine, openExistingStore } from '../../src/server/open.ts';
import { parseConfig } from '../../src/server/options.ts';
import { defer, temporaryFolder, waitFor } from '../support.ts';
import { startDemo, startDemoAlone } from './demo.ts';

type Steps = [begun: Step, resume: Step, copied: Step, finish: Step];
type Step = ReturnType<typeof Promise.withResolvers<void>>;

const clientOf = async (dataDir: string) =>
  createClient(JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8')));

describe('a backup', { concurrency: 2 }, () => {
  it('that is made during writes holds all earlier acknowledged writes, and can be restored', async (t) => {
    const demo = await startDemoAlone(t);
    const client = await clientOf(demo.dataDir);
    const built = await client.imageInstall({ software_ids: [4], name: 'Before' });
    await demo.run('machine', 'start', '1');
    await demo.run('machine', 'stop', '1');
    let writing = true;
    const acknowledged: number[] = [];
    const writer = (async () => {
      while (writing) {
        const { attributes } = await client
          .imageCapture({ machine_id: 1 })
          .catch(() => ({ attributes: null }));
        if (attributes) acknowledged.push(attributes.id);
      }
    })();
    const folder = join(await temporaryFolder(t), 'backup');
    await waitFor('some captures are acknowledged', () => acknowledged.length >= 3);
    const before = [...acknowledged];
    const made = await demo.run('backup', '--to', folder);
    writing = false;
    await writer;
    assert.equal(made.code, 0, made.err);
    assert.match(made.out, /has the store, \d+ layers and \d disks/);
    assert.equal((await stat(join(folder, 'silversmith.db'))).mode & 0o077, 0);
    assert.match((await demo.run('backup', '--to', folder)).err, /not empty; give a new folder/);

    const dataDir = join(await temporaryFolder(t), 'restored');
    const restored = await demo.run('restore', '--from', folder, '--data-dir', dataDir);
    assert.equal(restored.code, 0, restored.out + restored.err);
    assert.match(restored.out, /as it was at .*All is well/s);
    assert.match(
      (await demo.run('restore', '--from', folder, '--data-dir', dataDir)).err,
      /a store in .* already/,
    );
    const heir = await startDemoAlone(t, dataDir);
    // The key of the first demo works here too: it came with the store, sealed under the master key
    // in the backup.
    const own = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
    const { key, secret } = JSON.parse(await readFile(join(demo.dataDir, 'demo.json'), 'utf8'));
    const { images } = await createClient({ url: own.url, key, secret }).imageList({
      per_page: 100,
    });
    const ids = images.map((image) => Number(image.id));
    for (const id of [built.attributes.id, ...before])
      assert.ok(ids.includes(id), `image ${id} is there`);
    const health = await heir.run('doctor', '--deep');
    assert.match(health.out + health.err, /All is well/);
  });

  it('keeps its freeze when another backup that overlaps it ends first', async (t) => {
    const demo = await startDemoAlone(t);
    const client = await clientOf(demo.dataDir);
    await demo.run('machine', 'start', '1');
    await demo.run('machine', 'stop', '1');
    const config = parseConfig({ dataDir: demo.dataDir, engine: 'simulator' }, {});
    const { store } = await openExistingStore(config);
    defer(t, () => store.close());
    const engine = await openEngine(config);
    const parent = await temporaryFolder(t);
    /** Begins a backup that waits before it copies the disks, and before it copies the layers. */
    const begin = async (name: string) => {
      const [begun, resume, copied, finish] = [1, 2, 3, 4].map(() =>
        Promise.withResolvers<void>(),
      ) as Steps;
      const slow: Engine = {
        ...engine,
        backup: {
          async copy(spec, given) {
            const [reached, go] = spec.layers.length === 0 ? [begun, resume] : [copied, finish];
            reached.resolve();
            await go.promise;
            return requirePart(engine, 'backup').copy(spec, given);
          },
        },
      };
      const done = backUp({ store, engine: slow, dataDir: demo.dataDir }, join(parent, name), {
        keys: true,
      });
      await begun.promise;
      return { done, resume: resume.resolve, copied: copied.promise, finish: finish.resolve };
    };
    const { url } = JSON.parse(await readFile(join(demo.dataDir, 'demo.json'), 'utf8'));
    const metrics = async () => (await fetch(`${url}/metrics`)).text();
    const frozen = () => store.read('system', (work) => work.host.frozen());
    const [first, second] = [await begin('first'), await begin('second')];
    defer(t, () => {
      for (const { resume, finish } of [first, second]) for (const go of [resume, finish]) go();
    });
    first.resume();
    first.finish();
    await first.done;
    // The second backup has copied neither the disks nor the layers yet.
    assert.deepEqual((await frozen()).sort(), ['disks', 'layers']);
    const { attributes } = await client.imageCapture({ machine_id: 1 });
    const passes = async () =>
      Number(/^\w+last_pass_timestamp_seconds (\S+)/m.exec(await metrics())?.[1]);
    const before = await passes();
    await waitFor(
      'the reconciler has looked twice',
      async () => (await passes()) > before + 1.5,
      60_000,
    );
    assert.equal((await client.imageGet({ id: attributes.id })).attributes.status, 'pending');
    second.resume();
    await second.copied;
    assert.deepEqual(await frozen(), ['layers']);
    second.finish();
    assert.deepEqual((await second.done).missing, []);
    assert.deepEqual(await frozen(), []);
    await waitFor(
      'the capture is made',
      async () => (await client.imageGet({ id: attributes.id })).attributes.status === 'available',
    );
  });

  it('fails, and leaves no backup, when its freeze ended before its copy did', async (t) => {
    const demo = await startDemo(t);
    const config = parseConfig({ dataDir: demo.dataDir, engine: 'simulator' }, {});
    const { store } = await openExistingStore(config);
    defer(t, () => store.close());
    const engine = await openEngine(config);
    const database = new DatabaseSync(join(demo.dataDir, 'silversmith.db'));
    defer(t, () => database.close());
    const late: Engine = {
      ...engine,
      backup: {
        async copy(spec, given) {
          database.exec('update "freeze" set until = 1');
          return requirePart(engine, 'backup').copy(spec, given);
        },
      },
    };
    const folder = join(await temporaryFolder(t), 'backup');
    await assert.rejects(
      backUp({ store, engine: late, dataDir: demo.dataDir }, folder, { keys: true }),
      /freeze of this backup ended/,
    );
    assert.ok(!(await readdir(folder)).includes('backup.json'));
  });

  it('can leave the keys out; the doctor reports the missing keys after a restore', async (t) => {
    const demo = await startDemo(t);
    const parent = await temporaryFolder(t);
    const [folder, dataDir] = [join(parent, 'backup'), join(parent, 'restored')];
    assert.match((await demo.run('backup', '--to', folder, '--without-keys')).out, /holds no keys/);
    assert.ok(!(await readdir(folder)).includes('master.key'));
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'master.key'), `${newMasterKey()}\n`, { mode: 0o600 });
    const restored = await demo.run('restore', '--from', folder, '--data-dir', dataDir);
    assert.deepEqual(
      [restored.code, /cannot be opened with this master key/.test(restored.out)],
      [1, true],
    );
  });

  it('is refused as a source when it is incomplete, and so is a folder that is not a backup', async (t) => {
    const demo = await startDemo(t);
    const parent = await temporaryFolder(t);
    const folder = join(parent, 'backup');
    await demo.run('backup', '--to', folder);
    await rm(join(folder, 'backup.json'));
    for (const from of [folder, parent, '/nowhere']) {
      const refused = await demo.run(
        'restore',
        '--from',
        from,
        '--data-dir',
        join(parent, 'restored'),
      );
      assert.deepEqual(
        [refused.code > 0, /is no backup|is not there/.test(refused.err)],
        [true, true],
      );
    }
    assert.deepEqual(await readdir(parent), ['backup']);
  });
});

describe('the doctor', () => {
  it('names each fault and its cure', async (t) => {
    const { run, stop, dataDir } = await startDemo(t);
    await run('image', 'install', '4');
    await run('machine', 'start', '1');
    await stop();
    assert.match((await run('doctor')).out, /All is well/);
    const file = join(dataDir, 'engine', 'simulator.json');
    const whole = await readFile(file, 'utf8');
    const damage = async (
      change: (state: Record<string, Record<string, { content?: string[] }>>) => void,
    ) => {
      const state = JSON.parse(whole);
      change(state);
      await writeFile(file, JSON.stringify(state));
      const found = await run('doctor', '--deep', '--json');
      return {
        code: found.code,
        findings: JSON.parse(found.out) as { subject: string; found: string; cure: string }[],
      };
    };
    const said = async (change: Parameters<typeof damage>[0]) => {
      const { code, findings } = await damage(change);
      return [
        code,
        ...findings.map(({ subject, found, cure }) => `${subject} ${found}: ${cure}`),
      ].join('\n');
    };
    assert.match(
      await said((state) => {
        state.machines = {};
      }),
      /^0\nmachine 1 is said to be ready, and is off: start the server/,
    );
    assert.match(
      await said((state) => {
        state.disks = {};
      }),
      /^1\ndisk \w+ of machine 1 is missing.*machine reset 1/,
    );
    assert.match(
      await said((state) => {
        state.layers = { ...state.layers, aaaa: { content: [] } };
      }),
      /^0\nlayer aaaa is on the disk of the host, and the store does not know it: .*after a day/,
    );
    assert.match(
      await said((state) => {
        for (const layer of Object.values(state.layers ?? {})) layer.content?.push('rot');
      }),
      /^1\nlayer \w+ is damaged.*heal it from an export/,
    );
    const database = new DatabaseSync(join(dataDir, 'silversmith.db'));
    database.exec("update machine set status = 'turning_on' where id = 2");
    database.close();
    assert.match(await said(() => {}), /machine 2 is turning_on, and nothing works on it/);
  });
});
