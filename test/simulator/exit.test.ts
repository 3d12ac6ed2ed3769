// The exit statuses, errors as JSON, and what a mistyped word may stand for.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Command } from 'commander';
import { addAllCommands, addCommands, words } from '../../src/bin/commands.ts';
import { examples } from '../../src/bin/examples.ts';
import { pathOf } from '../../src/bin/help.ts';
import { exitStatuses } from '../../src/cli/exit.ts';
import type { Terminal } from '../../src/cli/output.ts';
import { startDemo } from './demo.ts';
import { inTerminal } from './pseudo-terminal.ts';

const silent: Terminal = { out() {}, err() {}, interactive: false, exitCode: 0 };
const given = { terminal: silent, env: {}, printed: async () => '' };

/** All commands that do something, by their words. */
async function allCommands(): Promise<Map<string, Command>> {
  const program = new Command('silversmith').enablePositionalOptions();
  await addAllCommands(program, given);
  const all = [program, ...program.commands].flatMap((one) => [one, ...one.commands]);
  return new Map(
    all.filter(({ commands }) => commands.length === 0).map((one) => [pathOf(one), one]),
  );
}

/** The words of a line, as a shell divides it. */
const wordsOf = (line: string) =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');

describe('an exit status', () => {
  it('says whether a command was mistyped, found nothing, was refused, conflicts or got no answer', async (t) => {
    const { run, runIn, dataDir } = await startDemo(t);
    const { url } = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
    const statuses = [
      [['frobnicate'], 'usage'],
      [['image'], 'usage'],
      [['image', 'show'], 'usage'],
      [['image', 'list', '--frobnicate'], 'usage'],
      [['image', 'list', '--page', 'x'], 'usage'],
      [['image', 'list', '--url', 'foo'], 'usage'],
      [['image', 'show', '77'], 'not_found'],
      [['image', 'show', 'Nothing'], 'not_found'],
      [['machine', 'exec', '99', 'ls'], 'not_found'],
      [['image', 'list', '--url', url, '--key', 'abcdefgh', '--secret', 'wrong'], 'refused'],
      [['key', 'create', '--organisation', 'X', '--permission', 'all'], 'refused'],
      [['machine', 'access', '1'], 'conflict'],
      [['image', 'list', '--url', 'http://127.0.0.1:1'], 'unreachable'],
      [['image', 'install', 'Fails on purpose'], 'failed'],
      [['image', 'list'], 'done'],
      [['image', 'list', '--help'], 'done'],
    ] as const;
    for (const [args, kind] of statuses) {
      const { code, err } = await run(...args);
      assert.equal(code, exitStatuses[kind].code, `${args.join(' ')}\n${err}`);
    }
    const credentials = await runIn({ SILVERSMITH_DATA_DIR: '/nowhere' }, 'image', 'list');
    assert.equal(credentials.code, exitStatuses.usage.code);
  });

  it('comes with one line of JSON on standard error where --json was typed', async (t) => {
    const { run } = await startDemo(t);
    const rows = [
      [['image', 'show', '77'], 'not_found', 404],
      [['image', 'show', 'Nothing'], 'not_found', null],
      [['machine', 'access', '1'], 'conflict', 4201],
      [['frobnicate'], 'usage', null],
      [['image'], 'usage', null],
      [['machine', 'show'], 'usage', null],
      [['machine', 'exec', '99', 'ls'], 'not_found', null],
      [['image', 'list', '--url', 'http://127.0.0.1:1'], 'unreachable', null],
    ] as const;
    for (const [args, kind, code] of rows) {
      const {
        out,
        err,
        code: status,
      } = await run(args[0], ...args.slice(1, 2), '--json', ...args.slice(2));
      const said = `${args.join(' ')}: ${err}`;
      assert.equal(out, '', said);
      assert.match(err, /^\{.*\}\n$/, said);
      const { error } = JSON.parse(err);
      assert.deepEqual([error.kind, error.code, error.exit_code], [kind, code, status], said);
      assert.match(error.message, /\w{3}/, said);
    }
  });

  it('is explained by --help', async (t) => {
    const { run } = await startDemo(t);
    const { out } = await run('--help');
    for (const { code, meaning } of Object.values(exitStatuses))
      assert.match(out, new RegExp(`^ +${code} +${meaning.slice(0, 20)}`, 'm'));
  });
});

describe('a mistyped word', () => {
  it('gets the nearest words, verbs, options and names as an answer', async (t) => {
    const { run } = await startDemo(t);
    for (const [args, meant] of [
      [['imgae', 'list'], /Did you mean image\?/],
      [['image', 'isntall'], /Did you mean install\?/],
      [['machine', 'exce'], /Did you mean exec\?/],
      [['image', 'list', '--serach', 'x'], /Did you mean --search\?/],
      [['image', 'install', 'htpo'], /Did you mean "htop"\?/],
      [['image', 'install', '--base', 'simulated bse'], /Did you mean "Simulated base"\?/],
      [['machine', 'create', '--type', 'small'], /Did you mean "Small"\?/],
      [['machine', 'show', 'Machin #1'], /Did you mean "Machine #1"/],
      [['base', 'try', 'Simulated'], /no base image named "Simulated"\. See/],
    ] as const)
      assert.match((await run(...args)).err, meant, args.join(' '));
  });
});

describe('the table of words', () => {
  it('names for each file exactly the verbs that it adds', async () => {
    for (const [word, { remote }] of Object.entries(words)) {
      if (remote === undefined || typeof remote === 'function') continue;
      for (const verbs of Object.keys(remote)) {
        const program = new Command('silversmith');
        await addCommands(program, [word, verbs.split(' ')[0] ?? ''], given);
        const noun = program.commands.find((one) => one.name() === word);
        assert.deepEqual(noun?.commands.map((one) => one.name()).sort(), verbs.split(' ').sort());
      }
    }
  });
});

describe('the help of a command', () => {
  it('has an example, whose words and options that command has', async () => {
    const commands = await allCommands();
    assert.deepEqual(
      [...commands.keys()].filter((path) => examples[path] === undefined),
      [],
    );
    for (const [path, lines] of Object.entries(examples))
      for (const line of lines) {
        const typed = wordsOf(line);
        const program = new Command('silversmith').enablePositionalOptions().exitOverride();
        await addCommands(program, typed, given);
        const found = program.commands.flatMap((one) => [one, ...one.commands]);
        let ran = '';
        for (const one of found) {
          one.exitOverride().configureOutput({ writeErr() {} });
          if (one.commands.length === 0)
            one.action(() => {
              ran = pathOf(one);
            });
        }
        await program.parseAsync(typed, { from: 'user' });
        if (path !== '') assert.equal(ran, path, line);
      }
  });

  it('shows the example', async (t) => {
    const { run } = await startDemo(t);
    assert.match(
      (await run('image', 'install', '--help')).out,
      /Example:\n {2}\$ silversmith image install Blender/,
    );
    assert.match((await run('help', 'usage')).out, /\$ silversmith usage/);
  });
});

describe('a terminal', () => {
  it('of 40 columns gets a table and a help page that fit it', async (t) => {
    const { environment, run } = await startDemo(t);
    await run('image', 'install', 'htop', 'Git', '--name', 'A name that takes some places');
    for (const typed of [
      ['image', 'list'],
      ['image', 'install', '--help'],
    ]) {
      const terminal = inTerminal(t, { env: environment, columns: 40 }, ...typed);
      assert.equal(await terminal.closed, 0);
      const wide = terminal
        .shown()
        .split('\r\n')
        .filter((line) => line.length > 40 && !line.includes('$ silversmith'));
      assert.deepEqual(wide, [], terminal.shown());
    }
  });

  it('is shown that a message is an error, in red unless NO_COLOR is set', async (t) => {
    const { environment } = await startDemo(t);
    const show = ['image', 'show', '77'];
    for (const [more, begins] of [
      [{}, /^\S\[31merror:\S\[39m There is no image/],
      [{ NO_COLOR: '1' }, /^error: There is no image/],
    ] as const) {
      const terminal = inTerminal(t, { env: { ...environment, ...more } }, ...show);
      assert.equal(await terminal.closed, 3);
      assert.match(terminal.shown(), begins);
    }
  });
});
