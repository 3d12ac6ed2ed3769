// Fills an empty store for --demo: an organisation with six machines, a catalogue of recipes that
// really install something, the demo base, and a key with all permissions in demo.json.

import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { baseAdd } from '../app/operator/base.ts';
import type { Operator } from '../app/operator/context.ts';
import { keyCreate } from '../app/operator/key.ts';
import { machineTypeAdd } from '../app/operator/machine-type.ts';
import { softwareAdd } from '../app/operator/software.ts';
import type { OrganisationId } from '../domain/ids.ts';
import { permissions } from '../domain/key.ts';
import { machinePermissionDefaults } from '../domain/machine.ts';
import { ensureDemoBase, ensureDemoContainer } from '../engine/demo-base.ts';
import type { Engine } from '../engine/port/engine.ts';
import { exists, writeWhole } from '../lib/files.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import type { Config } from './options.ts';
import type { Running } from './serve.ts';

const organisationName = 'Demo';
const machineCount = 6;
const installMs = 60 * 60_000;

const machineTypes = [
  { name: 'Small', code: 'small', cpus: 1, memoryMb: 768, diskSizeGb: 10 },
  { name: 'Large', code: 'large', cpus: 2, memoryMb: 2048, diskSizeGb: 40 },
];

/** Installs Debian packages, and removes the files that apt needs only during the installation. */
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

interface DemoOptions {
  /** The operator who asked for the demo, as `operator:NAME`. */
  by: string;
  say: (line: string) => void;
  signal: AbortSignal;
}

/**
 * Fills an empty store, and returns the path of the file with the credentials. Where that was done
 * before, it only writes into that file where the server is. An interrupted one is completed by the
 * next. Throws the reason of the signal.
 */
export async function ensureDemo(
  config: Config,
  running: Running,
  options: DemoOptions,
): Promise<string> {
  const { store, masterKey, url } = running;
  const credentials = join(config.dataDir, 'demo.json');
  const write = (content: object) =>
    writeWhole(credentials, `${JSON.stringify(content, null, 2)}\n`, 0o600);
  if (await exists(credentials)) {
    // The port may be another one this time.
    const known = JSON.parse(await readFile(credentials, 'utf8')) as object;
    await write({ ...known, url });
    return credentials;
  }
  const operator: Operator = { store, name: options.by };
  await addCatalogue(config, running, operator, options);
  const organisation = await addMachines(store);
  const key = await keyCreate(operator, masterKey, { organisation, name: 'demo', permissions });
  await write({ url, ...key });
  return credentials;
}

/** Adds bases, software and machine types, each kind only where there is none of it. */
async function addCatalogue(
  config: Config,
  { store, engine }: Running,
  operator: Operator,
  options: DemoOptions,
): Promise<void> {
  const { signal } = options;
  const has = await store.read('system', async (work) => ({
    bases: await work.bases.list(),
    software: await work.software.list(),
    machineTypes: await work.machineTypes.list(),
  }));
  if (has.bases.length === 0) {
    await baseAdd(operator, engine, await demoBase(engine.name, config, options), signal);
  }
  if (has.software.length === 0)
    for (const title of titles)
      await softwareAdd(
        operator,
        engine,
        { ...title, files: [], network: true, timeoutMs: installMs },
        signal,
      );
  if (has.machineTypes.length === 0)
    for (const type of machineTypes) await machineTypeAdd(operator, type);
}

const bios = { mode: 'bios' } as const;

async function demoBase(engine: Engine['name'], config: Config, { say, signal }: DemoOptions) {
  const env = config.toolEnvironment;
  if (engine === 'simulator') return simulatedBase(config);
  if (engine === 'incus') {
    const disk = await ensureDemoContainer(config.cacheDirs, { env, say, signal });
    say('adding the demo base …');
    return { name: 'Debian 12 (demo)', files: { disk }, boot: bios };
  }
  const { boot, ...files } = await ensureDemoBase(config.cacheDirs, { env, say, signal });
  say('adding the demo base …');
  return { name: 'Debian 12 (demo)', files, boot };
}

async function simulatedBase({ dataDir }: Config) {
  const disk = join(dataDir, 'simulated-base.raw');
  await writeFile(disk, randomBytes(4096));
  return { name: 'Simulated base', files: { disk }, boot: bios };
}

/** Gives the demo's organisation as many machines as it lacks. Idempotent. */
async function addMachines(store: Store): Promise<OrganisationId> {
  const organisationId = await store.write('system', (work) =>
    work.organisations.ensure(organisationName),
  );
  await store.write(organisationId, async (work) => {
    const [type] = await work.machineTypes.list();
    if (type === undefined) return;
    const { id: machineTypeId, code: machineType, cpus, memoryMb, diskSizeGb } = type;
    const { count } = await work.machines.list({ page: 1, perPage: 1 });
    for (let index = count; index < machineCount; index++)
      await work.machines.add({
        organisationId,
        machineTypeId,
        machineType,
        cpus,
        memoryMb,
        diskSizeGb,
        region: null,
        permissions: { ...machinePermissionDefaults },
        assignedImageId: null,
      });
  });
  return organisationId;
}
