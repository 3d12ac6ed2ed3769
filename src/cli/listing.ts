// Lists in the form that was asked for: a table, JSON, YAML, names or ids alone, or a text for each
// item. A noun declares its columns once; the table, --columns and --sort read them.

import { type Command, Option } from 'commander';
import { printLong, type Terminal } from './output.ts';
import { UsageError } from './parse.ts';
import { didYouMean } from './similar.ts';
import { type Cell, table } from './table.ts';

/** The columns of a noun by their headings, in the order of the table. */
export type Columns<Item> = Readonly<Record<string, (item: Item) => Cell>>;

const formats = ['table', 'json', 'yaml', 'name', 'template'] as const;
const templateMax = 10_000;

export interface ListFlags {
  json?: boolean | undefined;
  output?: (typeof formats)[number];
  template?: string;
  columns?: string;
  sort?: string;
  quiet?: boolean;
}

/** Gives the command of a list the options that choose its form. */
export const listOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('-o, --output <format>', 'how to print it; default: table').choices(formats),
    )
    .addOption(
      new Option(
        '--template <text>',
        "print this for each, with {{name}} for a field, such as '{{id}} {{name}}'",
      ).conflicts(['quiet', 'columns', 'json']),
    )
    .option('--columns <names>', 'the columns of the table, divided by commas')
    .option('--sort <column>', 'sort what is shown by a column; -COLUMN: the other way round')
    .addOption(new Option('--quiet', 'print ids alone').conflicts(['output', 'json']))
    .option('--no-pager', 'print a long list as it is');

/** The fields of an item; those of an answer of the API are its attributes. */
function fieldsOf(item: object): Record<string, unknown> {
  const fields: Record<string, unknown> = { ...item };
  const { attributes } = fields;
  return typeof attributes === 'object' && attributes !== null
    ? { id: fields.id, ...attributes }
    : fields;
}

const columnName = (heading: string) => heading.toLowerCase().replaceAll(' ', '-');

const shown = (value: unknown): Cell =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : (value as Cell);

/**
 * The column of a name, or a field that the table does not show. Throws UsageError for a name that
 * no item has.
 */
function columnOf<Item extends object>(
  given: string,
  columns: Columns<Item>,
  items: readonly Item[],
): [heading: string, of: (item: Item) => Cell] {
  const found = Object.entries(columns).find(([heading]) => columnName(heading) === given);
  if (found) return found;
  const fields = items[0] === undefined ? [] : Object.keys(fieldsOf(items[0]));
  if (fields.includes(given))
    return [given.toUpperCase().replaceAll('_', ' '), (item) => shown(fieldsOf(item)[given])];
  const names = [...new Set([...Object.keys(columns).map(columnName), ...fields])];
  throw new UsageError(
    `There is no column ${JSON.stringify(given)}.${didYouMean(given, names)} There are: ${names.join(', ')}`,
  );
}

function compare(a: Cell, b: Cell): number {
  if (a === b) return 0;
  // A thing without a value comes last.
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}

function sorted<Item extends object>(
  items: readonly Item[],
  columns: Columns<Item>,
  given: string | undefined,
): readonly Item[] {
  if (given === undefined) return items;
  const sign = given.startsWith('-') ? -1 : 1;
  const [, of] = columnOf(given.replace(/^-/, ''), columns, items);
  return [...items].sort((a, b) => sign * compare(of(a), of(b)));
}

/** A text with the fields of an item in it. Throws UsageError for a field that there is not. */
function filled(template: string, item: object): string {
  const fields = fieldsOf(item);
  return template
    .replaceAll('\\n', '\n')
    .replaceAll('\\t', '\t')
    .replaceAll(/\{\{\s*([^{}]*?)\s*\}\}/g, (_, name: string) => {
      if (Object.hasOwn(fields, name)) return String(shown(fields[name]) ?? '');
      const names = Object.keys(fields);
      throw new UsageError(
        `--template: there is no field ${JSON.stringify(name)}.${didYouMean(name, names)} There are: ${names.join(', ')}`,
      );
    });
}

/** The table of items with all columns of their noun. */
export const tableOf = <Item extends object>(
  columns: Columns<Item>,
  items: readonly Item[],
  width?: number,
): string => rowsOf(Object.entries(columns), items, width);

const rowsOf = <Item>(
  chosen: readonly (readonly [heading: string, of: (item: Item) => Cell])[],
  items: readonly Item[],
  width?: number,
) =>
  table(
    chosen.map(([heading]) => heading),
    items.map((item) => chosen.map(([, of]) => of(item))),
    width,
  );

export interface List<Item> {
  items: readonly Item[];
  columns: Columns<Item>;
  /** The answer as JSON and YAML have it, with the items in the order in which they are shown. */
  answer: (items: readonly Item[]) => object;
}

/** Prints a list in the form that was asked for. Throws UsageError for a column or field. */
export async function printList<Item extends object>(
  terminal: Terminal,
  flags: ListFlags,
  { items: given, columns, answer }: List<Item>,
): Promise<void> {
  const items = sorted(given, columns, flags.sort);
  const lines = async (of: (item: Item) => unknown) => {
    if (items.length > 0)
      await printLong(terminal, items.map((item) => String(of(item))).join('\n'));
  };
  if (flags.quiet) return lines((item) => fieldsOf(item).id);
  switch (formatOf(flags)) {
    case 'json':
      return printLong(terminal, JSON.stringify(answer(items), null, 2));
    case 'yaml': {
      const { stringify } = await import('yaml');
      const text = stringify(answer(items), { aliasDuplicateObjects: false });
      return printLong(terminal, text.trimEnd());
    }
    case 'name':
      return lines((item) => fieldsOf(item).name ?? fieldsOf(item).id);
    case 'template':
      return lines((item) => filled(flags.template ?? '', item));
    case 'table': {
      const names = flags.columns?.split(',').map((name) => name.trim());
      const chosen =
        names?.map((name) => columnOf(name, columns, items)) ?? Object.entries(columns);
      return printLong(terminal, rowsOf(chosen, items, terminal.columns));
    }
  }
}

function formatOf({ json, output, template }: ListFlags): (typeof formats)[number] {
  if (output === 'template' && template === undefined)
    throw new UsageError("Give the text: --template '{{id}} {{name}}'");
  if (template !== undefined && output !== undefined && output !== 'template')
    throw new UsageError(`--template and --output ${output} exclude each other; give one.`);
  if ((template?.length ?? 0) > templateMax)
    throw new UsageError(`--template is longer than ${templateMax} characters; shorten it.`);
  if (template !== undefined) return 'template';
  return json ? 'json' : (output ?? 'table');
}
