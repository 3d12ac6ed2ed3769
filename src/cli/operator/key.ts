// silversmith key create|rotate|list|revoke

import { type Command, Option } from 'commander';
import { keyCreate, keyList, keyRevoke, keyRotate } from '../../app/operator/key.ts';
import type { KeyId } from '../../domain/ids.ts';
import { permissions } from '../../domain/key.ts';
import { type Confirming, confirmed, confirmOptions, count } from '../confirm.ts';
import { type Columns, type ListFlags, listOptions, printList } from '../listing.ts';
import { minute } from '../output.ts';
import { duration, words } from '../parse.ts';
import type { Local, OperatorContext } from './context.ts';

type Key = Awaited<ReturnType<typeof keyList>>[number];

const at = (ms: number | null) => (ms === null ? '' : minute(ms));
const shown = ({ key, secret }: { key: string; secret: string }) =>
  `key     ${key}\nsecret  ${secret}\nThe secret is not shown again.`;

export function keyCommands(key: Command, context: OperatorContext): void {
  createCommand(key, context);
  rotateCommand(key, context);
  listCommand(key, context);
  revokeCommand(key, context);
}

interface Wanted {
  organisation: string;
  name: string;
  permission?: string[];
  expires?: number;
}

function createCommand(key: Command, { local, withStore, print }: OperatorContext): void {
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
    .action((flags: Local & Wanted) =>
      withStore(flags, async ({ operator, masterKey }) => {
        const made = await keyCreate(operator, masterKey, {
          organisation: flags.organisation,
          name: flags.name,
          permissions: flags.permission ?? permissions,
          expiresAt: flags.expires === undefined ? null : Date.now() + flags.expires,
        });
        print(flags, made, shown(made));
      }),
    );
}

function rotateCommand(key: Command, { local, withStore, print }: OperatorContext): void {
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
    .action((id: string, flags: Local & { overlap: number }) =>
      withStore(flags, async ({ operator, masterKey, config }) => {
        const { tryExclusive } = await import('../../server/exclusive.ts');
        const lock = () => tryExclusive(config);
        const made = await keyRotate(operator, masterKey, id as KeyId, flags.overlap, lock);
        print(flags, made, `${shown(made)}\nKey ${id} works until ${at(made.replacedUntil)} UTC.`);
      }),
    );
}

const state = ({ revokedAt, expiresAt }: Pick<Key, 'revokedAt' | 'expiresAt'>) =>
  revokedAt !== null
    ? 'revoked'
    : expiresAt === null
      ? 'active'
      : `${expiresAt > Date.now() ? 'until' : 'ended'} ${at(expiresAt)}`;

const columns: Columns<Key> = {
  KEY: ({ id }) => id,
  NAME: ({ name }) => name,
  ORGANISATION: ({ organisationId }) => organisationId,
  STATE: state,
  'LAST USED': ({ lastUsedAt }) => at(lastUsedAt) || 'never',
  PERMISSIONS: ({ permissions: held }) => held.join(' '),
};

function listCommand(key: Command, { local, withStore, terminal }: OperatorContext): void {
  listOptions(local(key.command('list').description('list the keys'))).action(
    (flags: Local & ListFlags) =>
      withStore(flags, async ({ store }) => {
        const items = await keyList(store);
        await printList(terminal, flags, { items, columns, answer: (keys) => keys });
      }),
  );
}

function revokeCommand(key: Command, context: OperatorContext): void {
  const { local, withStore, print, terminal } = context;
  confirmOptions(local(key.command('revoke <keys...>').description('revoke keys at once'))).action(
    (ids: string[], flags: Local & Confirming) =>
      withStore(flags, async ({ store, operator }) => {
        const wanted = [...new Set(ids)];
        const known = new Map((await keyList(store)).map((one) => [String(one.id), one]));
        const losses = wanted.flatMap((id) => {
          const one = known.get(id);
          return one === undefined || one.revokedAt !== null
            ? []
            : [`${id} (${one.name}), used last: ${at(one.lastUsedAt) || 'never'}.`];
        });
        const unknown = wanted.find((id) => !known.has(id));
        // One that is unknown is refused by the application, which writes that into the trail.
        const isLost = unknown === undefined && losses.length > 0;
        const loss = {
          does: `Revoke ${count(wanted.length, 'key')}`,
          losses: isLost ? losses : [],
          undo: 'It cannot be undone; make another key instead: silversmith key create.',
          numbers: { keys: wanted },
        };
        if (!(await confirmed(terminal, flags, loss))) return;
        for (const id of unknown === undefined ? wanted : [unknown])
          await keyRevoke(operator, id as KeyId);
        const said = wanted.map((id) => `Key ${id} is revoked.`).join('\n');
        const [only = ''] = wanted;
        const answer =
          wanted.length === 1 ? { key: only, revoked: true } : { keys: wanted, revoked: true };
        print(flags, answer, said);
      }),
  );
}
