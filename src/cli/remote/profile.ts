// silversmith profile list|use|remove

import type { Command } from 'commander';
import { type Confirming, confirmed, confirmOptions, count } from '../confirm.ts';
import { type Columns, type ListFlags, listOptions, printList } from '../listing.ts';
import type { RemoteContext } from './context.ts';
import { changeProfiles, profileNamed, readProfiles } from './profiles.ts';

interface Row {
  name: string;
  url: string;
  key: string;
  secret: string;
  current: boolean;
}

const columns: Columns<Row> = {
  NAME: ({ name }) => name,
  URL: ({ url }) => url,
  KEY: ({ key }) => key,
  SECRET: ({ secret }) => secret,
  'IN USE': ({ current }) => (current ? 'yes' : ''),
};

export function profileCommands(noun: Command, { terminal, env }: RemoteContext): void {
  listOptions(
    noun
      .command('list')
      .description('list the profiles, without their secrets')
      .option('--json', 'print as JSON'),
  ).action(async (flags: ListFlags) => {
    const { current, profiles } = await readProfiles(env);
    const items = [...profiles].map(([name, one]): Row => {
      const secret = 'secret' in one ? 'kept' : `from ${one.secretCommand[0]}`;
      return { name, url: one.url, key: one.key, secret, current: name === current };
    });
    await printList(terminal, flags, { items, columns, answer: (rows) => rows });
  });
  noun
    .command('use <name>')
    .description('choose the profile that is used where none is named')
    .action(async (name: string) => {
      const { url } = profileNamed(await readProfiles(env), name);
      await changeProfiles(env, (all) => {
        profileNamed(all, name);
        return { ...all, current: name };
      });
      terminal.out(`Profile ${name} (${url}) is in use.`);
    });
  confirmOptions(
    noun.command('remove <names...>').description('forget profiles; their keys stay good'),
  ).action(async (names: string[], flags: Confirming) => {
    const all = await readProfiles(env);
    const found = names.map((name) => ({ name, ...profileNamed(all, name) }));
    const loss = {
      does: `Remove ${count(found.length, 'profile')}`,
      losses: found.map(({ name, url, key }) => `${name}: key ${key} for ${url}.`),
      undo: 'It cannot be undone. The keys stay good: operators end them with silversmith key revoke.',
      numbers: { profiles: found.map(({ name }) => name) },
    };
    if (!(await confirmed(terminal, flags, loss))) return;
    await changeProfiles(env, ({ current, profiles }) => ({
      current: names.includes(current ?? '') ? null : current,
      profiles: new Map([...profiles].filter(([name]) => !names.includes(name))),
    }));
    terminal.out(`Removed: ${found.map(({ name }) => name).join(', ')}.`);
  });
}
