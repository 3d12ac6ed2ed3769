// The operator's commands for bad days: a backup, its way back, and the doctor, who says what is
// wrong and what cures it.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { keysSealedOtherwise } from '../../app/operator/key.ts';
import { AppError, invalid } from '../../domain/error.ts';
import type { Engine } from '../../engine/port.ts';
import { systemClock } from '../../lib/clock.ts';
import type { MasterKey } from '../../lib/master-key.ts';
import { examine } from '../../reconcile/doctor.ts';
import type { Finding } from '../../reconcile/findings.ts';
import { isReadable, verifyCopy } from '../../reconcile/verify.ts';
import { type Config, type Flags, parseConfig } from '../../server/options.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import { folderAt, newFolder } from '../file.ts';
import { parsed, path } from '../parse.ts';
import type { Admin, Printed } from './commands.ts';
import { interruptible } from './interruptible.ts';
import { quiet } from './layer.ts';

const engineOf = async (config: Config): Promise<Engine> =>
  (await import('../../server/open.ts')).openEngine(config);

export function backupCommands(
  program: Command,
  { local, withStore, print, terminal, env }: Admin,
): void {
  const failOn = (findings: readonly Finding[]) => {
    if (findings.some(({ severity }) => severity === 'error')) terminal.exitCode = 1;
  };
  local(
    program
      .command('backup')
      .description('copy everything into a new folder, while the server runs or not'),
  )
    .requiredOption('--to <folder>', 'a folder that is new or empty')
    .option(
      '--without-keys',
      'leave the master key and the signing key out, and keep them elsewhere',
    )
    .addHelpText(
      'after',
      '\nLayers are hard links where the folder lies on the same file system: quick, and no second copy of their bytes. Copy the folder\nto another host to be safe from the loss of this disk. The disks of machines that are on are copied as if their power had been cut.',
    )
    .action(async (flags: Flags & Printed & { to: string; withoutKeys?: boolean }) => {
      const folder = resolve(parsed('--to', flags.to, path));
      await newFolder('--to', folder);
      await withStore(flags, async ({ store }, config) => {
        const { backUp } = await import('../../server/backup.ts');
        const engine = await engineOf(config);
        const deps = { store, engine, dataDir: config.dataDir };
        const say = (line: string) => terminal.err(`backup: ${line}`);
        const keys = flags.withoutKeys !== true;
        const manifest = await interruptible((signal) =>
          backUp(deps, folder, { keys, say, signal }),
        );
        const { layers, disks, missing } = manifest;
        const secret = manifest.keys
          ? 'It holds the master key: keep it as safe as the server.'
          : 'It holds no keys: keep master.key and signing.key too.';
        const lost =
          missing.length === 0
            ? ''
            : `\n${missing.length} things that the store names are not on this host (silversmith doctor).`;
        print(
          flags,
          { folder, ...manifest },
          `${folder} has the store, ${layers} layers and ${disks} disks.\n${secret}${lost}`,
        );
        if (missing.length > 0) terminal.exitCode = 1;
      });
    });

  local(
    program
      .command('restore')
      .description('bring a backup back as a new data directory, and examine it'),
  )
    .requiredOption('--from <folder>', 'what silversmith backup made')
    .action(async (flags: Flags & Printed & { from: string }) => {
      const { readManifest, restore } = await import('../../server/backup.ts');
      const from = resolve(parsed('--from', flags.from, path));
      await folderAt('--from', from);
      const { engine: name } = await readManifest(from);
      const config = parseConfig(flags, env);
      if (config.engine !== null && config.engine !== name)
        throw invalid(
          `${from} is a backup of the ${name} engine, and ${config.engine} is asked for (--engine or SILVERSMITH_ENGINE). Leave that away.`,
        );
      const manifest = await restore(from, config.dataDir);
      await withStore(flags, async (opened) => {
        const findings = await doctor({ ...opened, engine: await engineOf(config) }, false);
        const { createdAt } = manifest;
        print(
          flags,
          { dataDir: config.dataDir, createdAt, findings },
          `${config.dataDir} is as it was at ${createdAt}.\n${shown(findings)}`,
        );
        failOn(findings);
      });
    });

  local(
    program
      .command('doctor')
      .description('compare the store with what is on the disk of the host, and explain'),
  )
    .option('--deep', 'read every layer, and compare it with its digest')
    .action((flags: Flags & Printed & { deep?: boolean }) =>
      withStore(
        flags,
        async (opened, config) => {
          const findings = await doctor(
            { ...opened, engine: await engineOf(config) },
            flags.deep === true,
          );
          print(flags, findings, shown(findings));
          failOn(findings);
        },
        { check: true },
      ),
    );
}

const shown = (findings: readonly Finding[]) =>
  findings.length === 0
    ? 'All is well: the store and the disk of the host agree.'
    : findings
        .map(
          ({ severity, subject, found, cure }) =>
            `${severity}: ${subject} ${found}\n  cure: ${cure}`,
        )
        .join('\n');

async function doctor(
  { store, masterKey, engine }: { store: Store; masterKey: MasterKey; engine: Engine },
  deep: boolean,
): Promise<Finding[]> {
  if (deep) {
    // Damage that is found is quarantined at once, and is then among the findings; what is sound
    // again is not.
    const layers = await store.read('system', (work) => work.layers.list());
    for (const copy of layers.filter(isReadable).flatMap(({ copies }) => copies))
      await verifyCopy({ store, engine, log: quiet }, copy, 0, new AbortController().signal);
  }
  const findings = await examine({ store, engine, clock: systemClock });
  await engine.check().catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    findings.push({
      severity: 'error',
      subject: 'the engine',
      found: 'cannot work',
      cure: error.message,
    });
  });
  const sealed = await store.read('system', (work) => keysSealedOtherwise(work, masterKey));
  if (sealed.length > 0) {
    findings.push({
      severity: 'error',
      subject: `${sealed.length} of the access keys (${sealed[0]} …)`,
      found: 'cannot be opened with this master key, so nobody can sign with them',
      cure: 'bring back the master.key that belongs to this store; or make new keys: silversmith key rotate',
    });
  }
  return findings;
}
