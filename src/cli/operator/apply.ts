// Adds what only the operator can of a fleet file: software, bases, machine types and keys. A title
// whose recipe differs gets the declared one. Nothing is removed.

import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { givenBoot } from '../../domain/boot.ts';
import { isInUse, usualPermissions } from '../../domain/key.ts';
import { type Recipe, recipeDigest } from '../../domain/software.ts';
import { sha256File } from '../../lib/files.ts';
import { readableFile } from '../file.ts';
import type { Fleet } from '../fleet/schema.ts';
import { duration, parsed, UsageError } from '../parse.ts';
import type { Both, OperatorContext } from './context.ts';
import type { Desk } from './desk.ts';
import { machineNetwork } from './parse-network.ts';

/** A change with the line that announces it. `make` resolves to the line of the result. */
interface Change {
  line: string;
  make(): Promise<string>;
}

type Of<List extends keyof Fleet> =
  NonNullable<Fleet[List]> extends readonly (infer One)[] ? One : never;

/** The file, and whether to say only what would be added. */
interface Asked {
  fleet: Fleet;
  /** The folder in which relative paths of the file begin. */
  folder: string;
  isDry: boolean;
}

/** Adds what is missing on the data directory, or only says what that is. */
export const applyLocal = (
  { withStore }: OperatorContext,
  asked: Asked,
  dataDir: string | undefined,
): Promise<string[]> =>
  withStore({ dataDir }, async (opened) => {
    const { localDesk } = await import('./local-desk.ts');
    return applyOn(localDesk(opened), asked);
  });

/** The same over the operator's API of a server. */
export const applyFar = (
  { withDesk }: OperatorContext,
  asked: Asked,
  flags: Both,
): Promise<string[]> => withDesk(flags, (desk) => applyOn(desk, asked));

async function applyOn(desk: Desk, { fleet, folder, isDry }: Asked): Promise<string[]> {
  const changes = [
    ...(await softwareChanges(desk, fleet.software ?? [], folder)),
    ...(await baseChanges(desk, fleet.bases ?? [], folder)),
    ...(await typeChanges(desk, fleet.machine_types ?? [])),
    ...(await keyChanges(desk, fleet.keys ?? [])),
  ];
  if (isDry) return changes.map(({ line }) => line);
  const lines: string[] = [];
  for (const change of changes) lines.push(await change.make());
  return lines;
}

async function softwareChanges(
  desk: Desk,
  declared: readonly Of<'software'>[],
  folder: string,
): Promise<Change[]> {
  const there = new Map((await desk.softwareList()).map((one) => [one.name, one]));
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
        async make() {
          await desk.softwareAdd(title);
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
      async make() {
        await desk.softwareUpdate(found.id, title);
        return line;
      },
    });
  }
  return changes;
}

async function baseChanges(
  desk: Desk,
  declared: readonly Of<'bases'>[],
  folder: string,
): Promise<Change[]> {
  const there = new Set((await desk.baseList()).map(({ name }) => name));
  const changes: Change[] = [];
  for (const { name, file, kernel, initrd, ...how } of declared) {
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
    const boot = givenBoot({ ...how, stateCopy: how.state_copy }, kernel !== undefined);
    changes.push({
      line: `+ base ${name}`,
      async make() {
        const { added } = await desk.baseAdd({ name, files, boot });
        return `+ base ${name} (${added.id}), not tried yet: silversmith base try ${added.id}`;
      },
    });
  }
  return changes;
}

async function typeChanges(
  desk: Desk,
  declared: readonly Of<'machine_types'>[],
): Promise<Change[]> {
  const there = new Set((await desk.machineTypeList()).map(({ name }) => name));
  return declared
    .filter(({ name }) => !there.has(name))
    .map(({ name, cpus, memory_mb: memoryMb, disk_gb: diskSizeGb, network: given }) => {
      const line = `+ machine type ${name}`;
      const network = given === undefined ? null : parsed('network', given, machineNetwork);
      const type = { name, code: name.toLowerCase(), cpus, memoryMb, diskSizeGb, network };
      return {
        line,
        async make() {
          await desk.machineTypeAdd(type);
          return line;
        },
      };
    });
}

async function keyChanges(desk: Desk, declared: readonly Of<'keys'>[]): Promise<Change[]> {
  const organisations = new Map((await desk.organisationList()).map(({ id, name }) => [id, name]));
  const there = new Set(
    (await desk.keyList())
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
      async make() {
        const made = await desk.keyCreate({
          ...{ organisation, name, permissions: wanted, expiresAt: null, isOnly: true },
        });
        return `+ key ${name} of ${organisation}: ${made.key}, secret ${made.secret} (not shown again)`;
      },
    }));
}
