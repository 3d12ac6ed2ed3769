// silversmith layer list|verify|board

import type { Command } from 'commander';
import type { LayerId } from '../../domain/ids.ts';
import { type Columns, type ListFlags, listOptions, printList } from '../listing.ts';
import { mb, minute } from '../output.ts';
import { table } from '../table.ts';
import type { Both, OperatorContext } from './context.ts';
import type { Desk } from './desk.ts';

const at = (ms: number | null) => (ms === null ? 'never' : minute(ms));

export function layerCommands(layer: Command, context: OperatorContext): void {
  listCommand(layer, context);
  verifyCommand(layer, context);
  boardCommand(layer, context);
}

type Listed = Awaited<ReturnType<Desk['layerList']>>;
/** A layer, or what the engine keeps and the store does not know. */
type Row = Listed['layers'][number] | Listed['orphans'][number];

const columns: Columns<Row> = {
  LAYER: ({ id }) => id,
  KIND: ({ kind }) => kind,
  STATE: (one) =>
    'seenAt' in one
      ? 'unknown to the store'
      : one.fault === null
        ? one.state
        : `${one.state}: ${one.fault}`,
  MB: (one) => mb('seenAt' in one ? one.bytes : one.storedBytes),
  PARENT: (one) => ('seenAt' in one ? '' : one.parentId),
  VERIFIED: (one) => at('seenAt' in one ? one.seenAt : one.verifiedAt),
};

function listCommand(layer: Command, { both, withDesk, terminal }: OperatorContext): void {
  listOptions(
    both(
      layer
        .command('list')
        .description('list the layers, and what the engine keeps that the store does not know'),
    ),
  ).action((flags: Both & ListFlags) =>
    withDesk(flags, async (desk) => {
      const { layers, orphans } = await desk.layerList();
      await printList<Row>(terminal, flags, {
        items: [...layers, ...orphans],
        columns,
        answer: (rows) => ({
          layers: rows.filter((one) => !('seenAt' in one)),
          orphans: rows.filter((one) => 'seenAt' in one),
        }),
      });
    }),
  );
}

function verifyCommand(layer: Command, { both, withDesk, print, terminal }: OperatorContext): void {
  both(
    layer
      .command('verify [layers...]')
      .description('compare the bytes of layers with their digests; default: of all layers'),
  ).action((ids: string[], flags: Both) =>
    withDesk(flags, async (desk) => {
      const found = await desk.layerVerify(ids);
      const rows = found.map(({ id, result }) => [id, result]);
      print(flags, found, table(['LAYER', 'RESULT'], rows));
      if (found.some(({ result }) => result === 'DAMAGED')) terminal.exitCode = 1;
    }),
  );
}

/** Says which board the guests on something have now. */
export const movedTo = (what: string, { boot }: Awaited<ReturnType<Desk['layerBoard']>>): string =>
  `${what} has the board ${boot.board ?? 'that is the newest of the host'}; a machine that is on gets it with its next start.`;

function boardCommand(layer: Command, { both, withDesk, print }: OperatorContext): void {
  both(
    layer
      .command('board <layer> [board]')
      .description('give guests on a root another board; default: the newest of the host'),
  ).action((id: string, board: string | undefined, flags: Both) =>
    withDesk(flags, async (desk) => {
      const changed = await desk.layerBoard(id as LayerId, board);
      print(flags, changed, movedTo(`Layer ${id}`, changed));
    }),
  );
}
