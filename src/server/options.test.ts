// The rows of settings: their names agree, they match the page, and each can be set.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { settingsPage, settingsReference } from '../../tools/print-settings.ts';
import { UsageError } from '../cli/parse.ts';
import { remoteSettings } from '../cli/remote/settings.ts';
import { optionOf, type Settings, settingValues } from '../cli/setting.ts';
import { parseConfig, settings } from './options.ts';

const tables: readonly Settings[] = [settings, remoteSettings];

describe('a setting', () => {
  it('has the same words in its key, its option and its variable', () => {
    for (const [key, row] of tables.flatMap((table) => Object.entries(table))) {
      const words = key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
      assert.ok([`SILVERSMITH_${words}`, `OTEL_EXPORTER_${words}`].includes(row.variable), key);
      const option = optionOf(row);
      if (option === null) continue;
      assert.equal(option.attributeName(), key);
      assert.ok(option.description.includes(row.variable));
    }
  });

  it('is on the page that is printed from the rows', () => {
    assert.equal(
      readFileSync(settingsPage, 'utf8'),
      settingsReference(),
      'docs/reference/settings.md differs; type: npm run settings',
    );
  });

  it('is taken from its option before its variable, and from its variable before its default', () => {
    assert.equal(parseConfig({}, {}).port, 8080);
    assert.equal(parseConfig({}, { SILVERSMITH_PORT: '1' }).port, 1);
    assert.equal(parseConfig({ port: '2' }, { SILVERSMITH_PORT: '1' }).port, 2);
    assert.equal(parseConfig({ demo: true }, { SILVERSMITH_DEMO: '0' }).demo, true);
    assert.equal(parseConfig({}, { SILVERSMITH_DEMO: '1' }).demo, true);
    assert.equal(parseConfig({ keepHours: '2' }, {}).settings.keepDiskMs, 2 * 3600_000);
  });

  it('that cannot be used is refused under the name by which it was given', () => {
    for (const table of tables)
      for (const [key, row] of Object.entries(table)) {
        if (key === 'secret' || key === 'masterKey') continue;
        const refused = (name: string) => (error: unknown) =>
          error instanceof UsageError && error.message.startsWith(`${name} is "". Give `);
        const env = { [row.variable]: '' };
        assert.throws(() => settingValues(table, {}, env), refused(row.variable));
        if (row.option?.includes(' '))
          assert.throws(
            () => settingValues(table, { [key]: '' }, {}),
            refused(row.option.split(' ')[0] ?? ''),
          );
      }
  });
});
