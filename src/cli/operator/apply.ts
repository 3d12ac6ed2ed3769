// Adds what only the operator can of a fleet file: software, bases, machine types and keys. A title
// whose recipe differs gets the declared one. Nothing is removed.

import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { baseAdd, baseList } from '../../app/operator/base.ts';
import { keyCreate, keyList } from '../../app/operator/key.ts';
import { machineTypeAdd, machineTypeList } from '../../app/operator/machine-type.ts';
import { organisationList } from '../../app/operator/organisation.ts';
import { softwareAdd, softwareList, softwareUpdate } from '../../app/operator/software.ts';
import type { BootProfile } from '../../domain/boot.ts';
import { isInUse, usualPermissions } from '../../domain/key.ts';
import { type Recipe, recipeDigest } from '../../domain/software.ts';
import { sha256File } from '../../lib/files.ts';
import { readableFile } from '../file.ts';
import type { Fleet } from '../fleet/schema.ts';
import { interruptible } from '../interruptible.ts';
import { duration, parsed, UsageError } from '../parse.ts';
import type { Opened, OperatorContext } from './context.ts';

/** A change with the line that announces it. `make` resolves to the line of the result. */
interface Change {
  line: string;
  make(opened: Opened, signal: AbortSignal): Promise<string>;
}

type Of<List extends keyof Fleet> =
  NonNullable<Fleet[List]> extends readonly (infer One)[] ? One : never;

/** Adds what is missing, or with `isDry` only says what that is. */
export const applyLocal = (
  { withStore }: OperatorContext,
  fleet: Fleet,
  folder: string,
  dataDir: string | undefined,
  isDry: boolean,
): Promise<string[]> =>
  withStore({ dataDir }, async (opened) => {
    const changes = [
      ...(await softwareChanges(opened, fleet.software ?? [], folder)),
      ...(await baseChanges(opened, fleet.bases ?? [], folder)),
      ...(await typeChanges(opened, fleet.machine_types ?? [])),
      ...(await keyChanges(opened, fleet.keys ?? [])),
    ];
    if (isDry) return changes.map(({ line }) => line);
    return interruptible(async (signal) => {
      const lines: string[] = [];
      for (const change of changes) lines.push(await change.make(opened, signal));
      return lines;
    });
  });

async function softwareChanges(
  { store }: Opened,
  declared: readonly Of<'software'>[],
  folder: string,
): Promise<Change[]> {
  const there = new Map((await softwareList(store)).map((one) => [one.name, one]));
  const changes: Change[] = [];
  for (const one of declared) {
    const [script = '', ...files] = [one.script, ...(one.files ?? [])].map((file) =>
      resolve(folder, file),
    );
    for (const file of [script, ...files]) await readableFile(`software ${one.name}`, file);
    const title = {
      ...{ name: one.name, sizeGb: one.size_gb, files, network: one.network ?? false },
      script: await readFile(script, 'utf8'),
      timeoutMs: parsed('timeout', one.timeout ?? '30m', duration('1s', '24h')),
    };
    const found = there.get(one.name);
    if (found === undefined) {
      const line = `+ software ${one.name}`;
      changes.push({
        line,
        async make({ operator, openEngine }, signal) {
          await softwareAdd(operator, await openEngine(), title, signal);
          return line;
        },
      });
      continue;
    }
    const pinned = await Promise.all(
      files.map(async (file) => ({
        name: basename(file),
        sha256: await sha256File(file),
        bytes: 0,
      })),
    );
    const recipe: Recipe = { ...title, files: pinned };
    if (recipeDigest(recipe) === found.recipeDigest && title.sizeGb === found.sizeGb) continue;
    const line = `~ software ${one.name} (${found.id}): another recipe; images that are there stay`;
    changes.push({
      line,
      async make({ operator, openEngine }, signal) {
        await softwareUpdate(operator, await openEngine(), found.id, title, signal);
        return line;
      },
    });
  }
  return changes;
}

async function baseChanges(
  { store }: Opened,
  declared: readonly Of<'bases'>[],
  folder: string,
): Promise<Change[]> {
  const there = new Set((await baseList(store)).map(({ name }) => name));
  const changes: Change[] = [];
  for (const { name, file, kernel, initrd, append } of declared) {
    if (there.has(name)) continue;
    if ((kernel === undefined) !== (initrd === undefined))
      throw new UsageError(`base ${name}: direct boot needs both kernel and initrd.`);
    const at = (path: string) => join(folder, path);
    const direct =
      kernel === undefined || initrd === undefined
        ? {}
        : { kernel: resolve(folder, kernel), initrd: resolve(folder, initrd) };
    const files = { disk: resolve(folder, file), ...direct };
    for (const path of Object.values(files)) await readableFile(`base ${name} (${at(file)})`, path);
    const boot: BootProfile =
      kernel === undefined
        ? { mode: 'bios' }
        : { mode: 'direct', append: append ?? 'console=ttyS0 root=/dev/vda rw', buildAppend: null };
    changes.push({
      line: `+ base ${name}`,
      async make({ operator, openEngine }, signal) {
        const added = await baseAdd(operator, await openEngine(), { name, files, boot }, signal);
        return `+ base ${name} (${added.id}), not tried yet: silversmith base try ${added.id}`;
      },
    });
  }
  return changes;
}

async function typeChanges(
  { store }: Opened,
  declared: readonly Of<'machine_types'>[],
): Promise<Change[]> {
  const there = new Set((await machineTypeList(store)).map(({ name }) => name));
  return declared
    .filter(({ name }) => !there.has(name))
    .map(({ name, cpus, memory_mb: memoryMb, disk_gb: diskSizeGb }) => {
      const line = `+ machine type ${name}`;
      const type = { name, code: name.toLowerCase(), cpus, memoryMb, diskSizeGb };
      return {
        line,
        async make({ operator }) {
          await machineTypeAdd(operator, type);
          return line;
        },
      };
    });
}

async function keyChanges({ store }: Opened, declared: readonly Of<'keys'>[]): Promise<Change[]> {
  const organisations = new Map((await organisationList(store)).map(({ id, name }) => [id, name]));
  const there = new Set(
    (await keyList(store))
      .filter((one) => isInUse(one, Date.now()))
      // A key of operators belongs to no organisation.
      .flatMap(({ organisationId: id, name }) =>
        id === null ? [] : [JSON.stringify([organisations.get(id), name])],
      ),
  );
  return declared
    .filter(({ name, organisation }) => !there.has(JSON.stringify([organisation, name])))
    .map(({ name, organisation, permissions: wanted = usualPermissions }) => ({
      line: `+ key ${name} of ${organisation}`,
      async make({ operator, masterKey }) {
        const made = await keyCreate(operator, masterKey, {
          ...{ organisation, name, permissions: wanted, expiresAt: null, isOnly: true },
        });
        return `+ key ${name} of ${organisation}: ${made.key}, secret ${made.secret} (not shown again)`;
      },
    }));
}
