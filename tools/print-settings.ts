// Writes the page of settings from their rows. Type: npm run settings

import { writeFile } from 'node:fs/promises';
import { remoteSettings } from '../src/cli/remote/settings.ts';
import { defaultOf, type Settings } from '../src/cli/setting.ts';
import { settings } from '../src/server/options.ts';

export const settingsPage = new URL('../docs/reference/settings.md', import.meta.url);

const escaped = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

const tableOf = (rows: Settings) =>
  [
    '| option | variable | default | meaning |',
    '|---|---|---|---|',
    ...Object.values(rows).map((row) => {
      const option = row.option === null ? '–' : `\`${row.option}\``;
      const byDefault = escaped(defaultOf(row) ?? '–');
      return `| ${option} | \`${row.variable}\` | ${byDefault} | ${escaped(row.help)} |`;
    }),
  ].join('\n');

export const settingsReference = (): string => `# Settings

This page is printed from the rows in the source; do not edit it. An option overrides its variable,
and a variable overrides the default. The variable of an option without a value is \`1\` or \`0\`. A
value that cannot be used ends the command with the name of the option or the variable.

## The server
These belong to \`silversmith serve\`. Of these options, the operator's commands take only
\`--data-dir\`, \`--database-url\` and \`--engine\`. They read the variables of all of them.

${tableOf(settings)}

## Commands that speak to a server
${tableOf(remoteSettings)}

## All commands
\`SILVERSMITH_DEBUG=1\` shows the cause of an error and where it came from. \`NO_COLOR=1\` turns
colours off.
`;

if (import.meta.main) await writeFile(settingsPage, settingsReference());
