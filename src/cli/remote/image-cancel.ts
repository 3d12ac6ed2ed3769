// silversmith image cancel

import type { Command } from 'commander';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { outcomesOf, printOutcomes } from './each.ts';
import { type Selecting, select, several } from './selection.ts';

export function imageCancelCommands(noun: Command, { terminal, env }: RemoteContext): void {
  several(
    remoteOptions(
      noun
        .command('cancel')
        .description('end the making of images; steps that are done stay in the build cache'),
    ),
    '[images...]',
  ).action(async (words: string[], flags: Remote & Selecting) => {
    const client = await connect(flags, env);
    const { things, isSingle } = await select(client, 'image', words, flags);
    const outcomes = await outcomesOf(things, ({ id }) => client.imageCancel({ id }));
    await printOutcomes(outcomes, {
      ...{ terminal, flags, noun: 'image', isSingle },
      answer: (image) => image,
      human: (images) =>
        images
          .map(({ id, attributes }) =>
            attributes.status === 'failed'
              ? `Image ${id} is cancelled.`
              : `Image ${id} ends as soon as what was made is undone.`,
          )
          .join('\n'),
    });
  });
}
