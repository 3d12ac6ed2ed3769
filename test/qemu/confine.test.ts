// A guest that takes over its QEMU process can reach only its own files. The engine starts a
// hostile process in the place of QEMU, confined as QEMU would be.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { defaultConfining } from '../../src/engine/qemu/host.ts';
import { fileSink } from '../../src/lib/content.ts';
import { call } from '../call.ts';
import { diskId, layerId } from '../contract/engine/world.ts';
import { defer, temporaryFolder, waitFor } from '../support.ts';
import { boot, hostile, mib, sizeBytes } from './hostile.ts';

const text = (path: string) => readFile(path, 'utf8').catch(() => '');

describe('a process in the place of a guest', () => {
  it('sees only its own chain, and no other process, capability, network or environment', async (t) => {
    const probe = `
      { echo "files: $(find /engine -type f | sort | tr '\\n' ' ')"
        echo "environment: $(env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD=)"
        for path in /engine/layers/* /usr/bin/true /new; do echo x >>$path && echo "wrote $path"; done 2>/dev/null
        head -c 1 ../../disks/* | wc -c
      } >report
      while ! [ -s order -a -r order ]; do sleep 0.05; done
      . ./order >>report 2>&1
      kill -9 -1
      echo done >>report`;
    const s = await hostile(t, probe);
    const [one, two] = [1 as MachineId, 2 as MachineId];
    // The probe looks for the process of another guest and for the server's process.
    const starting = s.start(one);
    const run = join(s.root, 'run', 'machine-1');
    await waitFor(
      'it looked round',
      async () => (await text(join(run, 'report'))).split('\n').length > 3,
      60_000,
    );
    const victim = spawn('sleep', ['1000'], {
      stdio: 'ignore',
      ...(process.getuid?.() === 0 && { uid: 65_534 }),
    });
    defer(t, () => victim.kill('SIGKILL'));
    const twoDisk = diskId();
    await s.engine.ensureDisk({ diskId: twoDisk, layerId: s.base, sizeBytes }, call);
    const secret = join(s.folder, 'secret');
    await writeFile(secret, 'secret', { mode: 0o644 });
    const attempts = [
      `kill -9 ${victim.pid} && echo killed`,
      `kill -9 ${process.pid} && echo killed`,
      `cat ${secret} ${s.root}/disks/${twoDisk}.qcow2 /etc/passwd /proc/1/environ && echo read`,
      `cat ../../disks/${twoDisk}.qcow2 ../../layers/${s.other}.qcow2 && echo read`,
      `mv ../../layers ../../elsewhere && echo moved`,
    ];
    await writeFile(join(run, 'order'), attempts.join('\n'), { mode: 0o644 });
    await chmod(join(run, 'order'), 0o644);
    const { disk, found } = await starting;
    const report = await text(join(run, 'report'));
    assert.match(report, /done\n$/);
    const own = [
      `disks/${disk}.qcow2`,
      `layers/${s.base}.qcow2`,
      'machines/1/seed.iso',
      'run/machine-1/report',
    ];
    assert.equal(
      /^files: (.*)$/m.exec(report)?.[1]?.trim(),
      own.map((path) => `/engine/${path}`).join(' '),
    );
    assert.match(report, /^environment: $/m);
    assert.doesNotMatch(report, /^(wrote|killed|read|moved)/m);
    assert.equal(victim.exitCode ?? victim.signalCode, null);

    const status = readFileSync(`/proc/${found.pid}/status`, 'utf8');
    assert.match(status, /^CapPrm:\s+0+$/m);
    assert.match(status, /^NoNewPrivs:\s+1$/m);
    assert.deepEqual(
      readFileSync(`/proc/${found.pid}/environ`, 'utf8').match(/^(?!PWD=|SHLVL=|_=|OLDPWD=)\w+=/m),
      null,
    );
    for (const what of ['pid', 'mnt', 'net', 'ipc', 'uts'])
      assert.notEqual(
        readlinkSync(`/proc/${found.pid}/ns/${what}`),
        readlinkSync(`/proc/self/ns/${what}`),
        what,
      );
    if (process.getuid?.() === 0) {
      const uidOf = (pid: number) =>
        Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
      assert.match(status, /^CapBnd:\s+0+$/m);
      assert.ok(
        uidOf(found.pid) > defaultConfining.uids.first &&
          uidOf(found.pid) <= defaultConfining.uids.last,
      );
      const second = s.start(two);
      const other = join(s.root, 'run', 'machine-2');
      await waitFor(
        'it looked round',
        async () => (await text(join(other, 'report'))).includes('files'),
        60_000,
      );
      await writeFile(join(other, 'order'), 'true');
      await chmod(join(other, 'order'), 0o644);
      assert.notEqual(uidOf((await second).found.pid), uidOf(found.pid));
    }
  });

  it('cannot make the server follow a link, wait for a pipe, or use another socket', {
    timeout: 300_000,
  }, async (t) => {
    const s = await hostile(
      t,
      `ln -s ../victim asking; ln -s ../victim ready; ln -s ../victim seed.iso
       ln -s ../other.sock agent.sock; mkfifo qmp.sock`,
    );
    const victim = join(s.root, 'run', 'victim');
    await writeFile(victim, 'precious');
    let met = 0;
    const other = createServer(() => met++);
    await new Promise<void>((resolve) => other.listen(join(s.root, 'run', 'other.sock'), resolve));
    defer(t, () => other.close());
    const one = 1 as MachineId;
    const { run } = await s.start(one);
    // The guest's user can write links only here. In an earlier version this folder also held the
    // server's marker files.
    await symlink(victim, join(s.root, 'machines', '1', 'asking'));
    assert.equal(await s.engine.machineState(one, call), 'on');
    assert.deepEqual(await s.engine.pause.paused(call), new Set());
    assert.equal(await s.engine.pause.resume(one, call), false);
    await assert.rejects(
      s.engine.exec.run({ machineId: one, command: ['true'] }, call),
      /guest agent does not answer/,
    );
    await s.engine.stopMachine({ machineId: one, graceMs: 50 }, call);
    assert.equal(await s.engine.machineState(one, call), 'off');
    assert.equal(await readFile(victim, 'utf8'), 'precious');
    assert.equal(met, 0);
    assert.throws(() => statSync(run), { code: 'ENOENT' });
  });
});

describe('a layer that a hostile guest has written', () => {
  it('never exposes a layer that its header names but the store does not', async (t) => {
    const s = await hostile(t, '');
    const [disk, layer] = [diskId(), layerId()];
    await s.engine.ensureDisk({ diskId: disk, layerId: s.base, sizeBytes }, call);
    const named = [
      'rebase',
      '-u',
      '-f',
      'qcow2',
      '-F',
      'qcow2',
      '-b',
      `../layers/${s.other}.qcow2`,
    ];
    execFileSync('qemu-img', [...named, join(s.root, 'disks', `${disk}.qcow2`)]);
    await s.engine.sealDisk({ diskId: disk, layerId: layer, sizeBytes }, call);
    const chain = [layer, s.base];
    const path = join(s.folder, 'export.raw');
    const spec = {
      layerId: layer,
      chain,
      boot,
      baseLayerId: s.base,
      format: 'raw' as const,
      to: fileSink(path),
      bytesMax: 1024 * mib,
    };
    await assert.rejects(s.engine.transfer.exportLayer(spec, call), /could not be made or read/);
    await assert.rejects(
      s.engine.compact.rewrite({ layerId: layer, parentId: s.base, chain }, call),
      /could not be made or read/,
    );
    assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
    // The same layer can be read once the store names it as the parent.
    await s.engine.transfer.exportLayer({ ...spec, chain: [layer, s.other] }, call);
  });
});

describe('a host on which guests cannot be confined', () => {
  it('starts no guest and names the command that helps, unless unconfined guests are asked for', async (t) => {
    const folder = await temporaryFolder(t);
    const [programs, root] = [join(folder, 'programs'), join(folder, 'engine')];
    await mkdir(programs);
    for (const name of ['qemu-system-x86_64', 'qemu-img', 'setpriv', 'prlimit', 'xorrisofs'])
      await symlink(execFileSync('which', [name]).toString().trim(), join(programs, name));
    await assert.rejects(openQemu({ root, path: programs }), {
      code: 'unavailable',
      message:
        /^bubblewrap, which confines guests, is not there\. Install it \(Debian: sudo apt-get install bubblewrap\)/,
    });
    await writeFile(
      join(programs, 'bwrap'),
      '#!/bin/sh\necho "bwrap: No permissions to create new namespace" >&2; exit 1\n',
    );
    await chmod(join(programs, 'bwrap'), 0o755);
    await assert.rejects(openQemu({ root, path: programs }), {
      code: 'unavailable',
      message:
        /bubblewrap says "No permissions to create new namespace"\. Let users make namespaces/,
    });
    await chmod(folder, 0o755);
    await openQemu({
      root,
      path: programs,
      confining: { ...defaultConfining, confinement: 'none' },
    });
  });
});
