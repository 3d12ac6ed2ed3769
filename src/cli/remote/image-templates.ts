// silversmith image templates

import { Argument, type Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { outcomesOf, printOutcomes } from './each.ts';
import { type Selecting, select, several } from './selection.ts';

type Policy = Parameters<Client['imageTemplatesSet']>[0]['templates'];

const policies: readonly Policy[] = ['always', 'on-assignment', 'never', 'inherit'];

export function imageTemplatesCommand(noun: Command, { terminal, env }: RemoteContext): void {
  several(
    remoteOptions(
      noun
        .command('templates')
        .description('set when templates of images are made, so that machines start at once')
        .addArgument(
          new Argument('<policy>', 'inherit: as for the organisation').choices(policies),
        ),
    ),
    '[images...]',
  ).action(async (templates: Policy, words: string[], flags: Remote & Selecting) => {
    const client = await connect(flags, env);
    const { things, isSingle } = await select(client, 'image', words, flags);
    const outcomes = await outcomesOf(things, ({ id }) =>
      client.imageTemplatesSet({ id, templates }),
    );
    await printOutcomes(outcomes, {
      ...{ terminal, flags, noun: 'image', isSingle },
      answer: (image) => image,
      human: (images) =>
        images.map(({ id }) => `Templates of image ${id}: ${templates}.`).join('\n'),
    });
  });
}
