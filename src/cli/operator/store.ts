// silversmith store copy

import type { Command } from 'commander';
import type { StoreCopied } from '../../app/operator/store.ts';
import { type Config, parseConfig } from '../../server/options.ts';
import { interruptible } from '../interruptible.ts';
import { parsed, UsageError } from '../parse.ts';
import { databaseUrl, withoutSecret } from '../parse-database.ts';
import { progressLine } from '../progress.ts';
import { table } from '../table.ts';
import { type Local, type OperatorContext, operatorName } from './context.ts';

/** Rows below this number are copied in a moment, without a line about it. */
const silentRows = 5000;

type Flags = Local & { to?: string | true; from?: string | true };

export function storeCommands(store: Command, context: OperatorContext): void {
  const { local, print, terminal, env } = context;
  local(
    store
      .command('copy')
      .description('copy the store of the data directory into PostgreSQL, or back'),
  )
    .option('--to [url]', 'the empty database to fill; without a URL, that of --database-url')
    .option('--from [url]', 'the database to copy into a data directory without a store')
    .addHelpText(
      'after',
      '\nEvery server on either must be stopped. Each row is compared with its original before anything is kept. Put the password into\n~/.pgpass, or give the whole URL as SILVERSMITH_DATABASE_URL: other users see the arguments of a program.',
    )
    .action(async (flags: Flags) => {
      const config = parseConfig({ dataDir: flags.dataDir, databaseUrl: flags.databaseUrl }, env);
      const { dataDir } = config;
      const { option, url } = databaseOf(flags, config);
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

/** The option that was given, and the address of its database. Throws UsageError. */
function databaseOf({ to, from }: Flags, { databaseUrl: variable }: Config) {
  const given = to ?? from;
  if (given === undefined || (to !== undefined && from !== undefined))
    throw new UsageError(
      'Give --to to copy the data directory into a database, or --from to copy a database into it.',
    );
  const option = to === undefined ? '--from' : '--to';
  const url =
    given === true ? variable : withoutSecret(given, parsed(option, given, databaseUrl), option);
  if (url === null) throw new UsageError(`${option}: name the database, or give --database-url.`);
  return { option, url };
}

function inWords({ from, to, rows, textsChanged, beside, next }: StoreCopied): string {
  const total = Object.values(rows).reduce((sum, count) => sum + count, 0);
  const counts = Object.entries(rows).filter(([, count]) => count > 0);
  const changed =
    textsChanged === 0
      ? ''
      : `\n${textsChanged} texts had a NUL, which PostgreSQL does not keep: it is U+FFFD there.`;
  return `${table(['TABLE', 'ROWS'], counts)}
The store is copied from ${from} to ${to}: ${total} rows, each compared with its original.${changed}
These files are not in it; a server on it needs them in its data directory:
${beside.map(({ path, holds, isThere }) => `  ${path}${isThere ? '' : ' (not there)'}: ${holds}`).join('\n')}
${next}`;
}
