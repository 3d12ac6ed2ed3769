// silversmith member list

import type { Command } from 'commander';
import { type Columns, type ListFlags, listOptions, printList } from '../listing.ts';
import type { Both, OperatorContext } from './context.ts';
import type { Desk } from './desk.ts';

const columns: Columns<Awaited<ReturnType<Desk['memberList']>>[number]> = {
  NAME: ({ name }) => name,
  ANSWERS: ({ answers }) => (answers ? 'yes' : 'no'),
  DISKS: ({ disks }) => disks,
};

export function memberCommands(member: Command, context: OperatorContext): void {
  const { both, withDesk, terminal } = context;
  listOptions(
    both(
      member
        .command('list')
        .description('list the members of the cluster, where the engine has one'),
    ),
  ).action((flags: Both & ListFlags) =>
    withDesk(flags, async (desk) => {
      const items = await desk.memberList();
      await printList(terminal, flags, { items, columns, answer: (members) => members });
    }),
  );
}
