// silversmith key create|rotate|list|revoke

import { type Command, Option } from 'commander';
import type { KeyId } from '../../domain/ids.ts';
import { permissions } from '../../domain/key.ts';
import { operatorPermissions } from '../../domain/operator-key.ts';
import { type Confirming, confirmed, confirmOptions, count } from '../confirm.ts';
import { type Columns, type ListFlags, listOptions, printList } from '../listing.ts';
import { minute } from '../output.ts';
import { duration, words } from '../parse.ts';
import type { Both, OperatorContext } from './context.ts';
import { type ListedKey, type Owner, withKeys } from './key-desk.ts';

const at = (ms: number | null) => (ms === null ? '' : minute(ms));
const shown = ({ key, secret }: { key: string; secret: string }) =>
  `key     ${key}\nsecret  ${secret}\nThe secret is not shown again.`;

export function keyCommands(key: Command, context: OperatorContext): void {
  createCommand(key, context);
  rotateCommand(key, context);
  listCommand(key, context);
  revokeCommand(key, context);
}

interface Wanted extends Owner {
  name: string;
  permission?: string[];
  expires?: number;
}

function createCommand(key: Command, context: OperatorContext): void {
  const { both, print } = context;
  both(key.command('create').description('make a key; its secret is shown once'))
    .option(
      '--organisation <name>',
      'organisation; made when there is none of that name. A key of an organisation makes keys of its own',
      words(100),
    )
    .addOption(
      new Option(
        '--operator',
        'make a key of operators, for the operator’s API; it belongs to no organisation',
      ).conflicts('organisation'),
    )
    .option('--name <name>', 'what the key is for', words(100), 'key')
    .option(
      '--permission <name...>',
      `one or more of: ${permissions.join(', ')}; with --operator of: ${operatorPermissions.join(', ')}; default: all that may be given but keys:write and operator:exec`,
    )
    .option(
      '--expires <duration>',
      'when it ends by itself, such as 30d or 12h; default: never',
      duration('1s', '36500d'),
    )
    .action((flags: Both & Wanted) =>
      withKeys(context, flags, async (keys) => {
        const made = await keys.keyCreate({
          owner: flags,
          name: flags.name,
          permissions: flags.permission,
          expiresAt: flags.expires === undefined ? null : Date.now() + flags.expires,
        });
        print(flags, made, shown(made));
      }),
    );
}

function rotateCommand(key: Command, context: OperatorContext): void {
  const { both, print } = context;
  both(
    key
      .command('rotate <key>')
      .description('make a key in place of another, which works on for a while'),
  )
    .addOption(
      new Option('--overlap <duration>', 'how long the old key still works, such as 24h or 0s')
        .argParser(duration('0s', '36500d'))
        .default(24 * 3600_000, '24h'),
    )
    .action((id: string, flags: Both & { overlap: number }) =>
      withKeys(context, flags, async (keys) => {
        const made = await keys.keyRotate(id as KeyId, flags.overlap);
        print(flags, made, `${shown(made)}\nKey ${id} works until ${at(made.replacedUntil)} UTC.`);
      }),
    );
}

const state = ({ revokedAt, expiresAt }: ListedKey) =>
  revokedAt !== null
    ? 'revoked'
    : expiresAt === null
      ? 'active'
      : `${expiresAt > Date.now() ? 'until' : 'ended'} ${at(expiresAt)}`;

const columns: Columns<ListedKey> = {
  KEY: ({ id }) => id,
  NAME: ({ name }) => name,
  ORGANISATION: ({ organisationId }) =>
    organisationId === undefined ? 'its own' : (organisationId ?? 'operators'),
  STATE: state,
  'LAST USED': ({ lastUsedAt }) => at(lastUsedAt) || 'never',
  PERMISSIONS: ({ permissions: held }) => held.join(' '),
};

function listCommand(key: Command, context: OperatorContext): void {
  const { both, terminal } = context;
  listOptions(both(key.command('list').description('list the keys'))).action(
    (flags: Both & ListFlags) =>
      withKeys(context, flags, async (keys) => {
        const items = await keys.keyList();
        await printList(terminal, flags, { items, columns, answer: (all) => all });
      }),
  );
}

function revokeCommand(key: Command, context: OperatorContext): void {
  const { both, print, terminal } = context;
  confirmOptions(both(key.command('revoke <keys...>').description('revoke keys at once')))
    .option('--itself', 'also the key that signs the request, over the API')
    .action((ids: string[], flags: Both & Confirming & { itself?: boolean }) =>
      withKeys(context, flags, async (keys) => {
        const wanted = [...new Set(ids)];
        const known = new Map((await keys.keyList()).map((one) => [String(one.id), one]));
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
          await keys.keyRevoke(id as KeyId, flags.itself === true);
        const said = wanted.map((id) => `Key ${id} is revoked.`).join('\n');
        const [only = ''] = wanted;
        const answer =
          wanted.length === 1 ? { key: only, revoked: true } : { keys: wanted, revoked: true };
        print(flags, answer, said);
      }),
    );
}
