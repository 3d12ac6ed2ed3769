// Starts a real server in its own process, on real disks. A test can kill it and start it again on
// the same data.

import { execFileSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, createClient } from '../../src/client/client.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { openExistingStore } from '../../src/server/open.ts';
import { parseConfig } from '../../src/server/options.ts';
import { call } from '../call.ts';
import { demoBase } from '../demo-base.ts';
import { type Furniture, furnish, type Title } from '../furnish.ts';
import { serverProcess } from '../server-process.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';

/**
 * Starts a server with the demo base or another one, and an organisation with two machines and the
 * given titles.
 */
export async function startServer(
  t: Scope,
  titles: Title[],
  options: { dataDir?: string; base?: Furniture['base'] } = {},
) {
  const dataDir = options.dataDir ?? (await temporaryFolder(t));
  const { start: startWith, end } = serverProcess();
  let url = '';
  const start = async () => {
    const flags = ['--data-dir', dataDir, '--port', '0', '--log-level', 'error'];
    // A template reads and changes what the tests look at, at a time of its own.
    flags.push('--templates', 'never');
    url = await startWith(flags, /serves (http:\S+)/);
  };
  await start();
  const engine = await openQemu({ root: join(dataDir, 'engine') });
  defer(t, async () => {
    await end('SIGTERM');
    for (const id of await engine.runningMachines(call))
      await engine.stopMachine({ machineId: id, graceMs: 0 }, call);
  });

  const { store, masterKey } = await openExistingStore(parseConfig({ dataDir }, {}));
  defer(t, () => store.close());
  const base = options.base ?? (await demoBase());
  const { software, machines, key } = await furnish(
    { store, engine, masterKey },
    { base, titles, machines: 2 },
  );

  const client = (): Client => createClient({ url, ...key });
  const image = (id: number, limitMs = 300_000) =>
    waitFor(
      `image ${id} is at rest`,
      async () => {
        const { attributes } = await client().imageGet({ id });
        return (attributes.status === 'available' || attributes.status === 'failed') && attributes;
      },
      limitMs,
      100,
    );
  const machine = (id: number, status: 'ready' | 'off', limitMs = 300_000) =>
    waitFor(
      `machine ${id} is ${status}`,
      async () => {
        const { attributes } = await client().machineGet({ id });
        return attributes.friendly_status === status && attributes;
      },
      limitMs,
      100,
    );
  const inside = async (id: number, script: string) => {
    const { stdout, stderr } = await engine.exec.run(
      { machineId: id as never, command: ['/bin/sh', '-c', script] },
      call,
    );
    return (stdout + stderr).trim();
  };
  const leftOvers = async () => [...(await readdir(join(dataDir, 'engine', 'builds')))];

  return {
    dataDir,
    engine,
    store,
    masterKey,
    url: () => url,
    client,
    software,
    machines,
    image,
    machine,
    inside,
    leftOvers,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    start,
  };
}

/**
 * Makes a Debian package as a file. It depends on no other package, so it installs on every
 * release; its command prints the package's name.
 */
export async function debianPackage(t: Scope, name: string): Promise<string> {
  const folder = await temporaryFolder(t);
  const tree = join(folder, name);
  await mkdir(join(tree, 'DEBIAN'), { recursive: true, mode: 0o755 });
  await mkdir(join(tree, 'usr/bin'), { recursive: true, mode: 0o755 });
  const fields = {
    Package: name,
    Version: '1',
    Architecture: 'all',
    Maintainer: 'Test <test@localhost>',
  };
  const control = Object.entries(fields).map(([field, value]) => `${field}: ${value}\n`);
  await writeFile(join(tree, 'DEBIAN/control'), `${control.join('')}Description: says its name\n`);
  await writeFile(join(tree, 'usr/bin', name), `#!/bin/sh\necho "Hello from ${name}!"\n`, {
    mode: 0o755,
  });
  const file = join(folder, `${name}_1_all.deb`);
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', tree, file], { stdio: 'pipe' });
  return file;
}
