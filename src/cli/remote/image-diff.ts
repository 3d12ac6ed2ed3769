// silversmith image diff: how the packages, or the files, of two images differ.

import type { Command } from 'commander';
import type { Answer, Client } from '../../client/client.ts';
import { exitCode } from '../exit.ts';
import { printLong } from '../output.ts';
import { UsageError } from '../parse.ts';
import { type Cell, table } from '../table.ts';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { assertListed, whenRead } from './image-packages.ts';
import { idOf } from './name.ts';

type Packages = Answer<'imageDiff'>['attributes'];
type Files = Answer<'imageFileDiff'>['attributes'];
/** The image, and the one that comes before; without that, its base. */
type Pair = { id: number; from?: number };

const waitMsMax = 600_000;

export function imageDiffCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun
      .command('diff <image> [other]')
      .description(
        'compare the packages of an image with those of another one, or, of one image, with its base',
      ),
  )
    .option('--files', 'compare files instead: kind, size, owner, mode, and time of change')
    .option('--exit-code', 'exit with 1 when they differ')
    .action(
      async (
        one: string,
        other: string | undefined,
        flags: Remote & { files?: boolean; exitCode?: boolean },
      ) => {
        const client = await connect(flags, env);
        const first = await idOf(client, 'image', one);
        const second = other === undefined ? undefined : await idOf(client, 'image', other);
        const pair = second === undefined ? { id: first } : { id: second, from: first };
        const { answer, rows, notes } = flags.files
          ? await files(client, pair)
          : await packages(client, pair);
        const headings = flags.files
          ? ['', 'PATH', 'BEFORE', 'NOW']
          : ['', 'NAME', 'ARCHITECTURE', 'BEFORE', 'NOW'];
        const human = [
          rows.length > 0 ? table(headings, rows, terminal.columns) : 'They do not differ.',
          ...notes.map((note) => `Note: ${note}`),
        ];
        await printLong(terminal, flags.json ? JSON.stringify(answer, null, 2) : human.join('\n'));
        if (flags.exitCode && rows.length > 0) terminal.exitCode = exitCode('failed');
      },
    );
}

async function packages(client: Client, pair: Pair) {
  for (const id of pair.from === undefined ? [pair.id] : [pair.from, pair.id])
    await assertListed(client, id);
  const answer = await client.imageDiff(pair);
  const { added, removed, changed, notes }: Packages = answer.attributes;
  const rows: Cell[][] = [
    ...removed.map((one) => ['removed', one.name, one.architecture, one.version, '']),
    ...added.map((one) => ['added', one.name, one.architecture, '', one.version]),
    ...changed.map((one) => ['changed', one.name, one.architecture, one.from, one.to]),
  ];
  return { answer, rows, notes };
}

async function files(client: Client, pair: Pair) {
  await client.imageFileDiffRead(pair);
  const answer = await whenRead(waitMsMax, () => client.imageFileDiff(pair));
  const { state, reason, changes, notes } = answer.attributes;
  if (state !== 'listed')
    throw new UsageError(
      state === 'unread'
        ? `The files could not be compared: ${reason}`
        : 'The files are still being compared; type the command again later.',
      'failed',
    );
  const rows = changes.map(({ path, before, after }) => [
    before === null ? 'added' : after === null ? 'removed' : 'changed',
    path,
    shown(before),
    shown(after),
  ]);
  return { answer, rows, notes };
}

/** Such as `file 1024 B 0644 root`; empty for none. */
function shown(one: Files['changes'][number]['before']): string {
  if (one === null) return '';
  const mode = (one.mode % 0o10000).toString(8).padStart(4, '0');
  const time = new Date(one.modified_s * 1000).toISOString().slice(0, 16);
  return `${one.kind} ${one.size_bytes} B ${mode} ${one.uid}:${one.gid} ${time}`;
}
