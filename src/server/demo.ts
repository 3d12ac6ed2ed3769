// What --demo puts into an empty store: an organisation with six machines, a catalogue of recipes
// that really install something, the demo base, and a key with all permissions in demo.json.

import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { baseAdd, softwareAdd } from '../app/operator/catalogue.ts';
import { keyCreate } from '../app/operator/key.ts';
import { permissions } from '../domain/key.ts';
import { machinePermissionDefaults } from '../domain/machine.ts';
import { ensureDemoBase } from '../engine/qemu/demo-base.ts';
import { exists, writeWhole } from '../lib/files.ts';
import type { Config } from './options.ts';
import type { Running } from './serve.ts';

const organisationName = 'Demo';
const machineCount = 6;

/** Installs Debian packages and leaves none of what apt only needs while it works. */
const apt = (...packages: string[]) => `set -e
apt-get -q update
apt-get -q install -y --no-install-recommends ${packages.join(' ')}
apt-get clean
rm -rf /var/lib/apt/lists/*
`;

const titles: { name: string; sizeGb: number; script: string }[] = [
  { name: 'Git', sizeGb: 0.2, script: apt('git') },
  { name: 'Python 3', sizeGb: 0.2, script: apt('python3', 'python3-venv') },
  { name: 'nginx', sizeGb: 0.1, script: apt('nginx-light') },
  { name: 'htop', sizeGb: 0.1, script: apt('htop') },
  { name: 'SQLite', sizeGb: 0.1, script: apt('sqlite3') },
  { name: 'GIMP (large)', sizeGb: 1.5, script: apt('gimp') },
  { name: 'Blender (large)', sizeGb: 2.5, script: apt('blender') },
  {
    name: 'Fails on purpose',
    sizeGb: 0.1,
    script:
      'echo "This title shows what a failing recipe looks like."\necho "No such package: unobtainium" >&2\nexit 3\n',
  },
];

/**
 * Fills an empty store; only says where the server is when that was done before. Returns where the
 * credentials are.
 */
export async function ensureDemo(
  config: Config,
  { store, engine, masterKey, url }: Running,
  say: (line: string) => void,
): Promise<string> {
  const credentials = join(config.dataDir, 'demo.json');
  if (await exists(credentials)) {
    // The port may be another one this time.
    const known = JSON.parse(await readFile(credentials, 'utf8')) as object;
    await writeWhole(credentials, `${JSON.stringify({ ...known, url }, null, 2)}\n`, 0o600);
    return credentials;
  }
  if ((await store.read('system', (work) => work.bases.list())).length === 0) {
    if (engine.name === 'qemu') {
      const { boot, ...files } = await ensureDemoBase(
        config.cacheDirs,
        config.toolEnvironment,
        say,
      );
      say('adding the demo base …');
      await baseAdd(store, engine, { name: 'Debian 12 (demo)', files, boot });
    } else {
      const disk = join(config.dataDir, 'simulated-base.raw');
      await writeFile(disk, randomBytes(4096));
      await baseAdd(store, engine, {
        name: 'Simulated base',
        files: { disk },
        boot: { mode: 'bios' },
      });
    }
  }
  if ((await store.read('system', (work) => work.software.list())).length === 0) {
    for (const title of titles)
      await softwareAdd(store, engine, {
        ...title,
        files: [],
        network: true,
        timeoutMs: 60 * 60_000,
      });
  }
  const organisationId = await store.write('system', async (work) => {
    const id = await work.organisations.ensure(organisationName);
    if ((await work.machineTypes.list()).length === 0) {
      await work.machineTypes.add({
        name: 'Small',
        code: 'small',
        cpus: 1,
        memoryMb: 768,
        diskSizeGb: 10,
      });
      await work.machineTypes.add({
        name: 'Large',
        code: 'large',
        cpus: 2,
        memoryMb: 2048,
        diskSizeGb: 40,
      });
    }
    return id;
  });
  await store.write(organisationId, async (work) => {
    const type = (await work.machineTypes.list())[0];
    const { count } = await work.machines.list({ page: 1, perPage: 1 });
    for (let index = count; type && index < machineCount; index++) {
      const { id: machineTypeId, code: machineType, cpus, memoryMb, diskSizeGb } = type;
      const permissionsOfMachine = { ...machinePermissionDefaults };
      await work.machines.add({
        organisationId,
        machineTypeId,
        machineType,
        cpus,
        memoryMb,
        diskSizeGb,
        region: null,
        permissions: permissionsOfMachine,
        assignedImageId: null,
      });
    }
  });
  const key = await keyCreate(store, masterKey, {
    organisationId,
    name: 'demo',
    permissions: [...permissions],
  });
  await writeWhole(credentials, `${JSON.stringify({ url, ...key }, null, 2)}\n`, 0o600);
  return credentials;
}
