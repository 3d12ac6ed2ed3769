// silversmith store copy

import type { Command } from 'commander';
import type { StoreCopied } from '../../app/operator/store.ts';
import type { Environment } from '../../lib/environment.ts';
import { parseConfig } from '../../server/options.ts';
import { progressLine, table } from '../output.ts';
import { UsageError } from '../parse.ts';
import { type Local, type OperatorContext, operatorName } from './context.ts';
import { interruptible } from './interruptible.ts';

/** Rows below this number are copied in a moment, without a line about it. */
const silentRows = 5000;

type Flags = Local & { to?: string | true; from?: string | true };

export function storeCommands(program: Command, context: OperatorContext): void {
  const { local, print, terminal, env } = context;
  local(
    program
      .command('store')
      .description('where everything but the disks is kept')
      .command('copy')
      .description('copy the store of the data directory into PostgreSQL, or back'),
  )
    .option('--to [url]', 'the empty database to fill; without a URL, SILVERSMITH_DATABASE_URL')
    .option('--from [url]', 'the database to copy into a data directory without a store')
    .addHelpText(
      'after',
      '\nEvery server on either must be stopped. Each row is compared with its original before anything is kept. Put the password into\n~/.pgpass, or give the whole URL as SILVERSMITH_DATABASE_URL: other users see the arguments of a program.',
    )
    .action(async (flags: Flags) => {
      const { dataDir } = parseConfig({ dataDir: flags.dataDir, engine: flags.engine }, env);
      const { option, url } = databaseOf(flags, env);
      const { copyFromPostgres, copyToPostgres } = await import('../../server/copy.ts');
      const progress = progressLine(terminal);
      const say = (phase: string, rows: number, total: number) => {
        if (total >= silentRows) progress.say(phase, `${rows} of ${total} rows`);
      };
      const copy = option === '--to' ? copyToPostgres : copyFromPostgres;
      const result = await interruptible((signal) =>
        copy({ dataDir, url, by: operatorName(), say, signal }),
      ).finally(() => progress.end());
      print(flags, result, inWords(result));
    });
}

/** The option that was given, and the URL of its database. Throws UsageError. */
function databaseOf({ to, from }: Flags, env: Environment): { option: string; url: string } {
  const given = to ?? from;
  if (given === undefined || (to !== undefined && from !== undefined))
    throw new UsageError(
      'Give --to to copy the data directory into a database, or --from to copy a database into it.',
    );
  const option = to === undefined ? '--from' : '--to';
  if (given !== true) return { option, url: databaseUrl(option, withoutPassword(given)) };
  const { SILVERSMITH_DATABASE_URL: variable } = env;
  if (variable === undefined)
    throw new UsageError(`${option}: name the database, or set SILVERSMITH_DATABASE_URL.`);
  return { option, url: databaseUrl('SILVERSMITH_DATABASE_URL', variable) };
}

/** Throws UsageError without the text, which may have a password in it. */
function databaseUrl(name: string, text: string): string {
  const url = URL.parse(text);
  if (url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.pathname.length > 1)
    return url.href;
  throw new UsageError(
    `${name} is no address of a database. Give one such as postgres://silversmith@db.example:5432/silversmith.`,
  );
}

function withoutPassword(text: string): string {
  const url = URL.parse(text);
  if (!url?.password && !url?.searchParams.has('password')) return text;
  throw new UsageError(
    'Other users of this host see the arguments of a program, so the URL takes no password there. Put it into ~/.pgpass, or give the whole URL as SILVERSMITH_DATABASE_URL, and --to or --from without one.',
  );
}

function inWords({ from, to, rows, textsChanged, beside }: StoreCopied): string {
  const total = Object.values(rows).reduce((sum, count) => sum + count, 0);
  const counts = Object.entries(rows).filter(([, count]) => count > 0);
  const changed =
    textsChanged === 0
      ? ''
      : `\n${textsChanged} texts had a NUL, which PostgreSQL does not keep: it is U+FFFD there.`;
  return `${table(['TABLE', 'ROWS'], counts)}
The store is copied from ${from} to ${to}: ${total} rows, each compared with its original.${changed}
These files are not in it; a server on it needs them in its data directory:
${beside.map(({ path, holds, isThere }) => `  ${path}${isThere ? '' : ' (not there)'}: ${holds}`).join('\n')}`;
}
