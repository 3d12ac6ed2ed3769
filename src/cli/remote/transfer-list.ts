// silversmith transfer list|delete

import type { Command } from 'commander';
import { everyItem } from '../../client/page.ts';
import type { Transfer } from '../../client/types.ts';
import { type Confirming, confirmed, confirmOptions, count } from '../confirm.ts';
import { type Columns, type ListFlags, listOptions, printList } from '../listing.ts';
import { mb, print } from '../output.ts';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { allOf } from './each.ts';

const perPage = 100;

export function transferCommands(noun: Command, context: RemoteContext): void {
  listCommand(noun, context);
  deleteCommand(noun, context);
}

const columns: Columns<Transfer> = {
  ID: ({ id }) => id,
  KIND: ({ attributes: one }) => one.kind,
  NAME: ({ attributes: one }) => one.name,
  STATUS: ({ attributes: one }) => one.status,
  MB: ({ attributes: one }) => mb(one.size_bytes),
  'GOES AFTER': ({ attributes: one }) => one.expires_at,
  REASON: ({ attributes: one }) => one.status_reason,
};

function listCommand(noun: Command, { terminal, env }: RemoteContext): void {
  listOptions(
    remoteOptions(noun.command('list').description('list all uploads and exports, newest first')),
  ).action(async (flags: Remote & ListFlags) => {
    const client = await connect(flags, env);
    const items = await Array.fromAsync(
      everyItem<Transfer, string>(perPage, async (place) => {
        const { transfers, ...rest } = await client.transferList({
          per_page: perPage,
          ...('before' in place && place),
        });
        return { items: transfers, ...rest };
      }),
    );
    await printList(terminal, flags, { items, columns, answer: (transfers) => ({ transfers }) });
  });
}

function deleteCommand(noun: Command, { terminal, env }: RemoteContext): void {
  confirmOptions(
    remoteOptions(
      noun
        .command('delete <transfers...>')
        .description('end uploads and exports, and forget their bytes; made images stay'),
    ),
  ).action(async (ids: string[], flags: Remote & Confirming) => {
    const client = await connect(flags, env);
    const found = await allOf([...new Set(ids)], (id) => client.transferGet({ id }));
    const bytes = found.reduce(
      (sum, { attributes: one }) =>
        sum + (one.kind === 'export' ? one.size_bytes : one.received_bytes),
      0,
    );
    const loss = {
      does: `Delete ${count(found.length, 'transfer')}: ${found.map(({ id }) => id).join(', ')}`,
      losses: [`${count(found.length, 'file')} with ${mb(bytes)} MB on the server.`],
      undo: 'It cannot be undone: an upload begins again, and an export is made again.',
      numbers: { transfers: found.length, bytes },
    };
    if (!(await confirmed(terminal, flags, loss))) return;
    for (const { id } of found) await client.transferDelete({ id });
    const gone = found.map(({ id }) => id);
    print(
      terminal,
      flags,
      { deleted: gone },
      gone.map((id) => `Transfer ${id} is deleted.`).join('\n'),
    );
  });
}
