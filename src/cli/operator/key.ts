// The operator's commands on organisations, access keys and the master key.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { assertMasterKey, keyCreate, keyRotate, resealAll } from '../../app/operator/key.ts';
import { AppError, invalid } from '../../domain/error.ts';
import type { KeyId } from '../../domain/ids.ts';
import { isPermission, permissions } from '../../domain/key.ts';
import { defaultQuotas, type Quotas } from '../../domain/organisation.ts';
import { writeWhole } from '../../lib/files.ts';
import { newMasterKey, parseMasterKey } from '../../lib/master-key.ts';
import type { Flags } from '../../server/options.ts';
import { lockDataDir, tryLockDataDir } from '../../store/sqlite/lock.ts';
import { sentenceOf } from '../explain.ts';
import { minute, table } from '../output.ts';
import { duration, whole, words } from '../parse.ts';
import type { Admin, Printed } from './commands.ts';

const at = (ms: number | null) => (ms === null ? '' : minute(ms));
const shown = ({ key, secret }: { key: string; secret: string }) =>
  `key     ${key}\nsecret  ${secret}\nThe secret is not shown again.`;

export function keyCommands(program: Command, { local, withStore, print }: Admin): void {
  const key = program.command('key').description('access keys: who may use the API');
  local(key.command('create').description('make a key; its secret is shown once'))
    .requiredOption(
      '--organisation <name>',
      'organisation; made when there is none of that name',
      words(100),
    )
    .option('--name <name>', 'what the key is for', words(100), 'key')
    .option('--permission <name...>', `one or more of: ${permissions.join(', ')}; default: all`)
    .option(
      '--expires <duration>',
      'when it ends by itself, such as 30d or 12h; default: never',
      duration('1s', '36500d'),
    )
    .action(
      (
        flags: Flags &
          Printed & { organisation: string; name: string; permission?: string[]; expires?: number },
      ) =>
        withStore(flags, async ({ store, masterKey }) => {
          const wanted = flags.permission ?? [...permissions];
          const unknown = wanted.find((name) => !isPermission(name));
          if (unknown !== undefined)
            throw invalid(
              `There is no permission ${unknown}; choose from: ${permissions.join(', ')}.`,
            );
          const organisationId = await store.write('system', (work) =>
            work.organisations.ensure(flags.organisation),
          );
          const made = await keyCreate(store, masterKey, {
            organisationId,
            name: flags.name,
            permissions: wanted.filter(isPermission),
            expiresAt: flags.expires === undefined ? null : Date.now() + flags.expires,
          });
          print(flags, made, shown(made));
        }),
    );
  local(
    key
      .command('rotate <key>')
      .description('make a key in place of another, which goes on for a while'),
  )
    .addOption(
      new Option('--overlap <duration>', 'how long the old key still works, such as 24h or 0s')
        .argParser(duration('0s', '36500d'))
        .default(24 * 3600_000, '24h'),
    )
    .action((id: string, flags: Flags & Printed & { overlap: number }) =>
      withStore(flags, async ({ store, masterKey }, { dataDir }) => {
        // A server that is running has the right master key: what this one seals it could not open.
        const lock = tryLockDataDir(dataDir);
        if (lock === null) await store.read('system', (work) => assertMasterKey(work, masterKey));
        const made = await keyRotate(store, masterKey, id as KeyId, flags.overlap).finally(() =>
          lock?.release(),
        );
        print(flags, made, `${shown(made)}\nKey ${id} works until ${at(made.replacedUntil)} UTC.`);
      }),
    );
  local(key.command('list').description('list the keys')).action((flags: Flags & Printed) =>
    withStore(flags, async ({ store }) => {
      const keys = (await store.read('system', (work) => work.keys.list())).map(
        ({ secretSealed: _, ...rest }) => rest,
      );
      const state = (one: (typeof keys)[number]) =>
        one.revokedAt !== null
          ? 'revoked'
          : one.expiresAt === null
            ? 'active'
            : `${one.expiresAt > Date.now() ? 'until' : 'ended'} ${at(one.expiresAt)}`;
      const rows = keys.map((one) => [
        one.id,
        one.name,
        one.organisationId,
        state(one),
        at(one.lastUsedAt) || 'never',
        one.permissions.join(' '),
      ]);
      print(
        flags,
        keys,
        table(['KEY', 'NAME', 'ORGANISATION', 'STATE', 'LAST USED', 'PERMISSIONS'], rows),
      );
    }),
  );
  local(key.command('revoke <key>').description('revoke a key at once')).action(
    (id: string, flags: Flags & Printed) =>
      withStore(flags, async ({ store }) => {
        await store.write('system', (work) => work.keys.revoke(id as KeyId));
        print(flags, { key: id, revoked: true }, `Key ${id} is revoked.`);
      }),
  );
}

export function organisationCommands(program: Command, { local, withStore, print }: Admin): void {
  const organisation = program
    .command('organisation')
    .description('organisations and what they may have');
  local(
    organisation.command('list').description('list the organisations, what they have and may have'),
  ).action((flags: Flags & Printed) =>
    withStore(flags, async ({ store }) => {
      const all = await store.read('system', (work) => work.organisations.list());
      const found = await Promise.all(
        all.map(({ id, name }) =>
          store.read(id, async ({ usage }) => ({
            id,
            name,
            quotas: await usage.quotas(),
            images: await usage.images(),
            machines: await usage.machines(),
            builds: await usage.builds(),
            storedGb: await usage.storedGb(),
          })),
        ),
      );
      const rows = found.map(({ id, name, quotas, ...used }) => [
        id,
        name,
        ...(['images', 'machines', 'builds', 'storedGb'] as const).map(
          (what) => `${used[what]} of ${quotas[what]}`,
        ),
      ]);
      print(flags, found, table(['ID', 'NAME', 'IMAGES', 'MACHINES', 'BUILDS', 'STORED GB'], rows));
    }),
  );
  local(
    organisation
      .command('generalize <name> <on|off>')
      .description('whether captures are generalised when nothing else is asked for'),
  ).action((name: string, wanted: string, flags: Flags & Printed) =>
    withStore(flags, async ({ store }) => {
      if (wanted !== 'on' && wanted !== 'off')
        throw invalid(`${JSON.stringify(wanted)} is neither on nor off.`);
      await store.write('system', async (work) =>
        work.organisations.setGeneralize(await work.organisations.byName(name), wanted === 'on'),
      );
      print(
        flags,
        { name, generalize: wanted === 'on' },
        `Captures of ${name} are ${wanted === 'on' ? '' : 'not '}generalised.`,
      );
    }),
  );
  const limit = whole(0);
  local(
    organisation
      .command('quota <name>')
      .description('change what an organisation may have at most'),
  )
    .option('--images <number>', `images; default: ${defaultQuotas.images}`, limit)
    .option('--machines <number>', `machines; default: ${defaultQuotas.machines}`, limit)
    .option(
      '--builds <number>',
      `images being made at once; default: ${defaultQuotas.builds}`,
      limit,
    )
    .option(
      '--stored-gb <number>',
      `GB that its captures take; default: ${defaultQuotas.storedGb}`,
      limit,
    )
    .option('--kept-gb <number>', `GB of replaced disks; default: ${defaultQuotas.keptGb}`, limit)
    .action(
      (
        name: string,
        { images, machines, builds, storedGb, keptGb, ...flags }: Flags & Printed & Partial<Quotas>,
      ) =>
        withStore(flags, async ({ store }) => {
          const given = Object.entries({ images, machines, builds, storedGb, keptGb }).filter(
            ([, value]) => value !== undefined,
          );
          const quotas = await store.write('system', async (work) => {
            const id = await work.organisations.byName(name);
            const changed = {
              ...(await work.organisations.quotas(id)),
              ...Object.fromEntries(given),
            };
            await work.organisations.setQuotas(id, changed);
            return changed;
          });
          const all = [
            quotas.images,
            quotas.machines,
            quotas.builds,
            quotas.storedGb,
            quotas.keptGb,
          ];
          print(
            flags,
            quotas,
            table(['IMAGES', 'MACHINES', 'BUILDS', 'STORED GB', 'KEPT GB'], [all]),
          );
        }),
    );
}

export function masterKeyCommands(program: Command, { local, withStore, print }: Admin): void {
  const master = program.command('master-key').description('the key under which secrets are kept');
  local(
    master
      .command('rotate')
      .description('seal every secret under a new master key; the server must be stopped')
      .addHelpText(
        'after',
        '\nWith SILVERSMITH_MASTER_KEY set, put the new key before the old one, divided by a comma, and type this: all is sealed under the first.',
      ),
  ).action((flags: Flags & Printed) =>
    withStore(flags, async ({ store, masterKey }, config) => {
      const lock = lockDataDir(config.dataDir);
      try {
        const file = join(config.dataDir, 'master.key');
        let ring = masterKey;
        if (config.masterKey === undefined) {
          const first = newMasterKey();
          // Both keys are in the file until everything is sealed under the new one, so that a crash
          // in between costs nothing.
          const both = `${first}\n${await readFile(file, 'utf8')}`;
          await writeWhole(file, both, 0o600);
          ring = parseMasterKey(both);
          const count = await resealAll(store, ring);
          await writeWhole(file, `${first}\n`, 0o600);
          print(
            flags,
            { id: ring.id, keys: count },
            `${count} keys are sealed under the new master key ${ring.id}.`,
          );
          return;
        }
        const count = await resealAll(store, ring);
        print(
          flags,
          { id: ring.id, keys: count },
          `${count} keys are sealed under the first master key, ${ring.id}.`,
        );
      } catch (error) {
        if (sentenceOf(error) !== null) throw error;
        throw new AppError(
          'internal',
          'A secret cannot be opened: the master key is not the one it was sealed under. Bring back the master.key that belongs to this store.',
          {
            cause: error,
          },
        );
      } finally {
        lock.release();
      }
    }),
  );
}
