// silversmith backup and restore

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { backupMake } from '../../app/operator/backup.ts';
import { doctor } from '../../app/operator/doctor.ts';
import { invalid } from '../../domain/error.ts';
import { systemClock } from '../../lib/clock.ts';
import { parseConfig } from '../../server/options.ts';
import { folderAt, newFolder } from '../file.ts';
import { interruptible } from '../interruptible.ts';
import { parsed, path } from '../parse.ts';
import { type Local, type OperatorContext, operatorName } from './context.ts';
import { failOn, inWords } from './doctor.ts';

export function backupCommand(command: Command, context: OperatorContext): void {
  const { local, withStore, print, terminal } = context;
  local(command)
    .requiredOption('--to <folder>', 'a folder that is new or empty')
    .option(
      '--without-keys',
      'leave the master key and the signing key out, and keep them elsewhere',
    )
    .addHelpText(
      'after',
      '\nLayers are hard links where the folder lies on the same file system: quick, and no second copy of their bytes. Copy the folder\nto another host to be safe from the loss of this disk. The disks of machines that are on are copied as if their power had been cut.',
    )
    .action(async (flags: Local & { to: string; withoutKeys?: boolean }) => {
      const folder = resolve(parsed('--to', flags.to, path));
      await newFolder('--to', folder);
      await withStore(flags, async ({ store, operator, openEngine, config }) => {
        if (config.databaseUrl !== null)
          throw invalid(
            'The store is in PostgreSQL: back it up with pg_dump, and what the engine keeps beside it (docs/guide/postgresql.md).',
          );
        const { backUp } = await import('../../server/backup.ts');
        const deps = { store, engine: await openEngine(), dataDir: config.dataDir };
        const say = (line: string) => terminal.err(`backup: ${line}`);
        const keys = flags.withoutKeys !== true;
        const manifest = await interruptible((signal) =>
          backupMake(operator, folder, () => backUp(deps, folder, { keys, say, signal })),
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
}

export function restoreCommand(command: Command, context: OperatorContext): void {
  const { local, withStore, print, terminal, env } = context;
  local(command)
    .requiredOption('--from <folder>', 'what silversmith backup made')
    .action(
      async ({ dataDir, databaseUrl, engine, json, from: given }: Local & { from: string }) => {
        const { readManifest, restore } = await import('../../server/restore.ts');
        const from = resolve(parsed('--from', given, path));
        await folderAt('--from', from);
        const { engine: name } = await readManifest(from);
        const config = parseConfig({ dataDir, databaseUrl, engine }, env);
        if (config.databaseUrl !== null)
          throw invalid(
            'A backup comes back as a data directory with a store of its own. Leave --database-url and SILVERSMITH_DATABASE_URL out, and carry that store over afterwards: silversmith store copy',
          );
        if (config.engine !== null && config.engine !== name)
          throw invalid(
            `${from} is a backup of the ${name} engine, and ${config.engine} is asked for (--engine or SILVERSMITH_ENGINE). Leave that away.`,
          );
        const { createdAt } = await restore(from, config.dataDir, operatorName());
        await withStore({ dataDir, engine }, async ({ store, masterKey, openEngine }) => {
          const patient = { store, masterKey, engine: await openEngine(), clock: systemClock };
          const findings = await doctor(patient);
          print(
            json ? { json } : {},
            { dataDir: config.dataDir, createdAt, findings },
            `${config.dataDir} is as it was at ${createdAt}.\n${inWords(findings)}`,
          );
          failOn(findings, terminal);
        });
      },
    );
}
