// A base file from outside is not trusted: it is checked before it is used and tried once it is
// added. Guests run confined.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { baseAdd, baseTry } from '../../src/app/operator/base.ts';
import { givenFile } from '../../src/app/operator/given-file.ts';
import type { MachineId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { findProcesses, processesIn } from '../../src/engine/qemu/process.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId, machineOn } from '../contract/engine/world.ts';
import { demoBase } from '../demo-base.ts';
import { operatorOn } from '../operator.ts';
import { defer, temporaryFolder } from '../support.ts';
import { quickBase } from './quick-base.ts';

const qemuImg = (...args: string[]) => execFileSync('qemu-img', args, { stdio: 'pipe' });

describe('a base file from outside', () => {
  it('is refused, and leaves no file, when it is not a disk or could lead a tool to another file', async (t) => {
    const folder = await temporaryFolder(t);
    const engine = await openQemu({ root: join(folder, 'engine') });
    const file = (name: string) => join(folder, name);
    await writeFile(file('text'), 'this is a letter\n'.repeat(100_000));
    await writeFile(file('empty'), '');
    await writeFile(file('zeros'), Buffer.alloc(2 * 1024 * 1024));
    await writeFile(
      file('gzip'),
      Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(2 * 1024 * 1024)]),
    );
    qemuImg('create', '-q', '-f', 'raw', file('plain.raw'), '4M');
    qemuImg(
      'create',
      '-q',
      '-f',
      'qcow2',
      '-F',
      'raw',
      '-b',
      file('plain.raw'),
      file('backing.qcow2'),
    );
    qemuImg(
      'create',
      '-q',
      '-f',
      'qcow2',
      '-u',
      '-F',
      'raw',
      '-b',
      '/etc/shadow',
      file('shadow.qcow2'),
      '4M',
    );
    qemuImg(
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      `data_file=${file('data')}`,
      file('data.qcow2'),
      '4M',
    );
    qemuImg('create', '-q', '-f', 'qcow2', file('snapshot.qcow2'), '4M');
    qemuImg('snapshot', '-c', 'one', file('snapshot.qcow2'));
    qemuImg('create', '-q', '-f', 'qcow2', file('huge.qcow2'), '4M');
    const huge = await readFile(file('huge.qcow2'));
    huge.writeBigUInt64BE(2n ** 62n, 24);
    await writeFile(file('huge.qcow2'), huge);
    const damaged = await readFile(file('snapshot.qcow2'));
    damaged.writeUInt32BE(0, 60);
    damaged.writeBigUInt64BE(12_345n, 40);
    await writeFile(file('damaged.qcow2'), damaged);

    const cases: [string, RegExp][] = [
      ['text', /not a disk/],
      ['empty', /not a disk/],
      ['zeros', /not a disk/],
      ['gzip', /gzip/],
      ['backing.qcow2', /backing file/],
      ['shadow.qcow2', /backing file/],
      ['data.qcow2', /data in another file/],
      ['snapshot.qcow2', /snapshots/],
      ['huge.qcow2', /bytes; the most/],
      ['damaged.qcow2', /damaged/],
      ['missing', /not a file/],
    ];
    for (const [name, message] of cases) {
      const adding = async () =>
        engine.importBase({ layerId: layerId(), disk: await givenFile(file(name)) }, call);
      await assert.rejects(adding, (error: Error & { code?: string }) => {
        assert.match(error.message, message, name);
        assert.equal(error.code, 'invalid', name);
        return true;
      });
    }
    assert.equal((await engine.inventory(call)).layers.size, 0);
    assert.deepEqual(await readdir(join(folder, 'engine', 'builds')), []);
  });
});

describe('the trial of a base', () => {
  it('tells a base that boots from an empty one, and leaves no file', async (t) => {
    const folder = await temporaryFolder(t);
    const root = join(folder, 'engine');
    const engine = await openQemu({ root });
    const store = await openSqlite({ dataDir: folder, now: Date.now });
    defer(t, () => store.close());
    const { boot, ...files } = await quickBase(folder);
    const works = await baseAdd(operatorOn(store), engine, { name: 'Works', files, boot });
    const blank = Buffer.alloc(4 * 1024 * 1024);
    blank.writeUInt16BE(0x55aa, 510);
    await writeFile(join(folder, 'blank.raw'), blank);
    const bare = { disk: join(folder, 'blank.raw') };
    const empty = await baseAdd(operatorOn(store), engine, {
      name: 'Empty',
      files: bare,
      boot: { mode: 'bios' },
    });
    const { signal } = new AbortController();
    assert.deepEqual(await baseTry(operatorOn(store), engine, works.id, 120_000, signal), {
      works: true,
      said: '',
    });
    const failed = await baseTry(operatorOn(store), engine, empty.id, 5000, signal);
    assert.equal(failed.works, false);
    assert.match(failed.said, /The trial was not done within its limit of 5 s/);
    assert.equal((await store.read('system', (work) => work.bases.get())).id, works.id);
    assert.equal((await engine.inventory(call)).layers.size, 2);
    assert.deepEqual(await readdir(join(root, 'builds')), []);
    assert.deepEqual(await findProcesses(processesIn(await realpath(root))), []);
  });
});

describe('a machine', () => {
  it('runs as an unprivileged user in a sandbox, and cannot change its layers', async (t) => {
    const folder = await temporaryFolder(t);
    const engine = await openQemu({ root: join(folder, 'engine') });
    const { boot, ...files } = await demoBase();
    const [base, disk] = [layerId(), diskId()];
    await engine.importBase({ layerId: base, ...(await contents(files)) }, call);
    await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes: 3 * gbBytes }, call);
    defer(t, () => engine.stopMachine({ machineId: 1 as MachineId, graceMs: 0 }, call));
    await engine.startMachine(
      machineOn({ machineId: 1 as MachineId, diskId: disk, boot, baseLayerId: base }),
      call,
    );
    const name = (await readdir(join(folder, 'engine', 'machines')))[0];
    assert.equal(name, '1');
    const [found] = await findProcesses(processesIn(join(await realpath(folder), 'engine')));
    assert.ok(found, 'the process is found by its name');
    const status = await readFile(`/proc/${found.pid}/status`, 'utf8');
    const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
    if (process.getuid?.() === 0) assert.notEqual(uid, 0);
    assert.match(status, /^Seccomp:\s+2/m);
    assert.match(status, /^CapEff:\s+0+$/m);
    const { mode } = await import('node:fs/promises').then((fs) =>
      fs.stat(join(folder, 'engine', 'layers', `${base}.qcow2`)),
    );
    assert.equal(mode & 0o777, 0o444);
  });
});
