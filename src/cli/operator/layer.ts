// silversmith layer list|verify

import type { Command } from 'commander';
import { layerList, layerVerify } from '../../app/operator/layer.ts';
import { mb, minute, table } from '../output.ts';
import type { Local, OperatorContext } from './context.ts';
import { interruptible } from './interruptible.ts';

const at = (ms: number | null) => (ms === null ? 'never' : minute(ms));

export function layerCommands(layer: Command, context: OperatorContext): void {
  listCommand(layer, context);
  verifyCommand(layer, context);
}

function listCommand(layer: Command, { local, withStore, print }: OperatorContext): void {
  local(
    layer
      .command('list')
      .description('list the layers, and what the engine keeps that the store does not know'),
  ).action((flags: Local) =>
    withStore(flags, async ({ store }) => {
      const { layers, orphans } = await layerList(store);
      const known = layers.map((one) => [
        one.id,
        one.kind,
        one.fault === null ? one.state : `${one.state}: ${one.fault}`,
        mb(one.storedBytes),
        one.parentId,
        at(one.verifiedAt),
      ]);
      const unknown = orphans.map((one) => [
        one.id,
        one.kind,
        'unknown to the store',
        mb(one.bytes),
        '',
        at(one.seenAt),
      ]);
      const headings = ['LAYER', 'KIND', 'STATE', 'MB', 'PARENT', 'VERIFIED'];
      print(flags, { layers, orphans }, table(headings, [...known, ...unknown]));
    }),
  );
}

function verifyCommand(
  layer: Command,
  { local, withStore, print, terminal }: OperatorContext,
): void {
  local(
    layer
      .command('verify [layers...]')
      .description('compare the bytes of layers with their digests; default: of all layers'),
  ).action((ids: string[], flags: Local) =>
    withStore(flags, async ({ operator, openEngine }) => {
      const engine = await openEngine();
      const found = await interruptible((signal) => layerVerify(operator, engine, ids, signal));
      const rows = found.map(({ id, result }) => [id, result]);
      print(flags, found, table(['LAYER', 'RESULT'], rows));
      if (found.some(({ result }) => result === 'DAMAGED')) terminal.exitCode = 1;
    }),
  );
}
