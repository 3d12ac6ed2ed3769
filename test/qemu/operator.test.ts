// Bases that operators send: the same code judges them as those of the host, on real disks.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { keyCreate } from '../../src/app/operator/key.ts';
import { openExistingStore } from '../../src/server/open.ts';
import { parseConfig } from '../../src/server/options.ts';
import { operatorOn } from '../operator.ts';
import { serverProcess } from '../server-process.ts';
import { runIn } from '../simulator/demo.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';

async function startServer(t: Scope) {
  const dataDir = await temporaryFolder(t);
  const server = serverProcess();
  defer(t, () => server.end('SIGTERM'));
  const flags = ['--data-dir', dataDir, '--port', '0', '--log-level', 'error'];
  const start = () => server.start(flags, /serves (http:\S+)/);
  await start();
  const { store, masterKey } = await openExistingStore(parseConfig({ dataDir }, {}));
  defer(t, () => store.close());
  const made = await keyCreate(operatorOn(store), masterKey, {
    ...{ organisation: null, name: 'far', permissions: ['operator:read', 'operator:write'] },
  });
  const far = async (url: string, ...args: string[]) => {
    const more = { SILVERSMITH_KEY: made.key, SILVERSMITH_SECRET: made.secret };
    return runIn(dataDir, null, { ...more, SILVERSMITH_URL: url })(...args);
  };
  return { dataDir, store, server, start, far };
}

describe('a base that is sent to the qemu engine', () => {
  it('is refused like one of the host, and a good one has the bytes of the file', async (t) => {
    const { dataDir, store, server, start, far } = await startServer(t);
    await server.end('SIGKILL');
    const url = await start();
    const folder = await temporaryFolder(t);
    const file = (name: string) => join(folder, name);
    const add = (name: string) =>
      far(url, 'base', 'add', '--name', name, '--file', file(name), '--no-try');
    await writeFile(file('text'), 'this is no disk\n');
    const backed = ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', '/etc/passwd'];
    execFileSync('qemu-img', [...backed, file('backed'), '8M']);
    for (const [name, says] of [
      ['text', /not a disk/],
      ['backed', /backing file/],
    ] as const) {
      const { code, err } = await add(name);
      assert.equal(code, 4, err);
      assert.match(err, says);
    }
    const disk = Buffer.alloc(8 * 1024 ** 2, 7);
    disk.writeUInt16BE(0x55aa, 510);
    await writeFile(file('good'), disk);
    const good = await add('good');
    assert.equal(good.code, 0, good.err);
    const [base, ...others] = await store.read('system', (work) => work.bases.list());
    assert.deepEqual([base?.name, others.length], ['good', 0]);
    const verified = await far(url, 'layer', 'verify', '--json');
    assert.deepEqual(JSON.parse(verified.out), [{ id: base?.layerId, result: 'digest taken' }]);
    // What was refused stays for a day, because its sender may have named a wrong option.
    await waitFor('the good one is used up', async () => {
      const sent = await readdir(join(dataDir, 'transfers'));
      return sent.length === 2;
    });
    const layers = (await readdir(join(dataDir, 'engine', 'layers'))).filter((name) =>
      name.endsWith('.qcow2'),
    );
    assert.deepEqual(layers, [`${base?.layerId}.qcow2`]);
  });
});
