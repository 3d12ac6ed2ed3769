// silversmith template list|show|make|delete

import { setTimeout } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ImageId, MachineTypeId, TemplateId } from '../../domain/ids.ts';
import { type Confirming, confirmed, confirmOptions } from '../confirm.ts';
import { interruptible } from '../interruptible.ts';
import { type Columns, type ListFlags, listOptions, printList } from '../listing.ts';
import { mb, minute } from '../output.ts';
import { UsageError, whole } from '../parse.ts';
import { progressLine } from '../progress.ts';
import { pick } from '../remote/name.ts';
import { table } from '../table.ts';
import type { Both, OperatorContext } from './context.ts';
import type { Desk } from './desk.ts';

type Template = Awaited<ReturnType<Desk['templateList']>>[number];

const at = (ms: number | null) => (ms === null ? 'never' : minute(ms));

const columns: Columns<Template> = {
  TEMPLATE: ({ id }) => id,
  OF: ({ name }) => name ?? '',
  CPUS: ({ cpus }) => cpus,
  'MEMORY MB': ({ memoryMb }) => memoryMb,
  'DISK GB': ({ diskSizeGb }) => diskSizeGb,
  STATE: ({ state, reason }) => (reason === null ? state : `${state}: ${reason}`),
  MB: ({ bytes }) => mb(bytes),
  USED: ({ lastUsedAt }) => at(lastUsedAt),
};

export function templateCommands(noun: Command, context: OperatorContext): void {
  listCommand(noun, context);
  showCommand(noun, context);
  makeCommand(noun, context);
  deleteCommand(noun, context);
}

function listCommand(noun: Command, { both, withDesk, terminal }: OperatorContext): void {
  listOptions(both(noun.command('list').description('list the templates, oldest first'))).action(
    (flags: Both & ListFlags) =>
      withDesk(flags, async (desk) => {
        const items = await desk.templateList();
        await printList(terminal, flags, { items, columns, answer: (found) => found });
      }),
  );
}

/** The template with an id, or with the beginning of one. Throws UsageError. */
async function found(desk: Desk, given: string): Promise<Template> {
  const matching = (await desk.templateList()).filter(({ id }) => id.startsWith(given));
  const [template, other] = matching;
  if (template && (!other || template.id === given)) return template;
  throw new UsageError(
    template
      ? `${matching.length} templates begin with ${given}; give more of the id.`
      : `There is no template ${given}; see: silversmith template list`,
    'not_found',
  );
}

function showCommand(noun: Command, { both, withDesk, print }: OperatorContext): void {
  both(noun.command('show <template>').description('show a template and its files')).action(
    (given: string, flags: Both) =>
      withDesk(flags, async (desk) => {
        const template = await found(desk, given);
        const { state, phase, reason } = template;
        const rows = [
          ['of', template.name ?? 'nothing that is left'],
          ['layer', template.layerId],
          [
            'machines',
            `${template.cpus} processors, ${template.memoryMb} MB of memory, a disk of ${template.diskSizeGb} GB`,
          ],
          ['state', [state, phase, reason].filter((one) => one !== null).join(': ')],
          ['made', at(template.madeAt)],
          ['last used', at(template.lastUsedAt)],
          ['verified', at(template.verifiedAt)],
          ['tries again', template.triesAgainAt === null ? '' : at(template.triesAgainAt)],
          ['its own layer', template.resultLayerId ?? ''],
          ['memory', `${mb(template.memoryBytes)} MB, sha256 ${template.memorySha256 ?? ''}`],
          [
            'state of devices',
            `${mb(template.stateBytes)} MB, sha256 ${template.stateSha256 ?? ''}`,
          ],
          ['made by', template.fingerprint],
        ];
        print(flags, template, table(['WHAT', ''], rows));
      }),
  );
}

function makeCommand(noun: Command, context: OperatorContext): void {
  const { both, withDesk, print, terminal } = context;
  both(
    noun
      .command('make')
      .description('make the templates of an image; the server works on them in the background')
      .argument('<image>', 'its id, of any organisation', whole(1)),
  )
    .option('--type <machine-type>', 'for machines of this type alone, by its id or name')
    .option('--wait', 'wait until they are made; a server has to run')
    .action((image: number, flags: Both & { type?: string; wait?: boolean }) =>
      withDesk(flags, async (desk) => {
        const type =
          flags.type === undefined
            ? undefined
            : await pick('machine type', flags.type, () => desk.machineTypeList());
        const asked = await desk.templateMake(image as ImageId, type as MachineTypeId | undefined);
        const ids = asked.map(({ id }) => id);
        const made = flags.wait ? await atRest(desk, ids, context) : asked;
        print(flags, made, table(Object.keys(columns), made.map(rowOf)));
        if (made.some(({ state }) => state === 'failed' && flags.wait)) terminal.exitCode = 1;
      }),
    );
}

const rowOf = (template: Template) => Object.values(columns).map((column) => column(template));

const pollMs = 1000;
const waitsMostMs = 60 * 60_000;

/** Shows how the templates are made, and resolves to them when none is being made any more. */
function atRest(
  desk: Desk,
  ids: readonly TemplateId[],
  { terminal }: OperatorContext,
): Promise<Template[]> {
  const progress = progressLine(terminal);
  const end = Date.now() + waitsMostMs;
  return interruptible(async (signal) => {
    while (true) {
      const now = (await desk.templateList()).filter(({ id }) => ids.includes(id));
      const making = now.filter(({ state }) => state === 'making');
      if (making.length === 0) return now;
      if (Date.now() > end)
        throw new UsageError('They are still being made after an hour; see: template list');
      progress.say(making[0]?.phase ?? 'waiting', `${now.length - making.length} of ${now.length}`);
      await setTimeout(pollMs, undefined, { signal });
    }
  }).finally(() => progress.end());
}

function deleteCommand(noun: Command, context: OperatorContext): void {
  const { both, withDesk, print, terminal } = context;
  confirmOptions(
    both(
      noun
        .command('delete <template>')
        .description('remove a template; machines that started from it go on'),
    ),
  ).action((given: string, flags: Both & Confirming) =>
    withDesk(flags, async (desk) => {
      const { id, name, bytes } = await found(desk, given);
      const loss = {
        does: `Delete template ${id} of ${name ?? 'nothing that is left'}`,
        losses: [`Machines of its image boot until it is made again; ${mb(bytes)} MB are freed.`],
        undo: 'While its image is wanted, it is made again by itself; to prevent that: silversmith image templates never IMAGE',
        numbers: { id, bytes },
      };
      if (!(await confirmed(terminal, flags, loss))) return;
      await desk.templateDelete(id);
      print(flags, { id, removed: true }, `Template ${id} is removed within two minutes.`);
    }),
  );
}
