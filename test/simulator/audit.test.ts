// The operator's audit trail: each command that changes something leaves one entry, with the
// operator, the changed thing and the outcome.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Command } from 'commander';
import { auditList } from '../../src/app/operator/audit.ts';
import { change } from '../../src/app/operator/context.ts';
import { words } from '../../src/bin/commands.ts';
import { operatorContext } from '../../src/cli/operator/context.ts';
import type { OperatorEntry } from '../../src/domain/operator-audit.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { operatorOn } from '../operator.ts';
import { defer, type Scope, temporaryFolder } from '../support.ts';
import { startDemo, startDemoAlone } from './demo.ts';

type Row = [args: readonly string[], action: string, thing: RegExp, reason?: RegExp];

async function start(
  t: Scope,
  startDemoOf: (t: Scope) => ReturnType<typeof startDemo> = startDemo,
) {
  const demo = await startDemoOf(t);
  const entries = async (): Promise<OperatorEntry[]> =>
    JSON.parse((await demo.run('audit', 'list', '--limit', '10000', '--json')).out);
  /** Types a command, and resolves to the entries that it has left. */
  const left = async (args: readonly string[]) => {
    const before = (await entries()).length;
    const { code, err } = await demo.run(...args);
    const after = await entries();
    return { code, err, added: after.slice(0, after.length - before) };
  };
  /** Types each row, and checks the one entry that it leaves. */
  const leaves = async (outcome: OperatorEntry['outcome'], rows: readonly Row[]) => {
    for (const [args, action, thing, reason] of rows) {
      const typed = args.join(' ');
      const { code, err, added } = await left(args);
      assert.deepEqual(
        added.map((one) => [one.operator, one.action, one.outcome]),
        [[`operator:${userInfo().username}`, action, outcome]],
        typed,
      );
      assert.equal(code === 0, outcome === 'done', `${typed}\n${err}`);
      const [{ thing: about, reason: why, createdAt, endedAt } = assert.fail()] = added;
      assert.match(about, thing, typed);
      if (reason === undefined) assert.equal(why, null, typed);
      else assert.match(why ?? '', reason, typed);
      assert.ok(createdAt <= (endedAt ?? 0) && (endedAt ?? 0) <= Date.now(), typed);
    }
  };
  return { ...demo, entries, left, leaves };
}

/** Commands of the operator that only read. */
const reading = [
  ['audit', 'list'],
  ['base', 'show', '1'],
  ['cache', 'list'],
  ['key', 'list'],
  ['layer', 'list'],
  ['member', 'list'],
  ['organisation', 'list'],
  ['storage'],
  ['template', 'list'],
  ['template', 'show', '0'],
  ['doctor'],
];
/** Commands that change something; each has a row below. */
const changing = [
  ...['base add', 'base try', 'software add', 'software update', 'machine-type add'],
  ...[
    'base board',
    'layer board',
    'organisation generalize',
    'organisation quota',
    'organisation templates',
    'key create',
  ],
  ...['template make', 'template delete', 'key rotate', 'key revoke'],
  ...['layer verify', 'cache prune', 'backup', 'restore', 'master-key rotate', 'machine exec'],
  // Their entries are looked for in test/simulator/operator.test.ts, and where bases are healed.
  ...['base heal', 'base newest', 'base remove', 'base retire', 'machine-type remove'],
  ...['machine-type retire', 'software remove', 'software retire'],
  // It needs a database: test/postgres/copy.test.ts.
  'store copy',
];

describe('the operator’s audit trail', { concurrency: 2 }, () => {
  it('is tested here for every command that the operator has', async () => {
    const program = new Command().enablePositionalOptions();
    const terminal = { out() {}, err() {}, interactive: false, exitCode: 0 };
    for (const [name, { operator }] of Object.entries(words))
      if (operator && name !== 'serve')
        (await operator())(program.command(name), operatorContext(terminal, {}));
    const typed = program.commands.flatMap((one) =>
      one.commands.length === 0
        ? [one.name()]
        : one.commands.map((verb) => `${one.name()} ${verb.name()}`),
    );
    const proven = [...changing, ...reading.map((words) => words.slice(0, 2).join(' '))];
    assert.deepEqual(typed.sort(), proven.sort());
  });

  it('has one entry for each command that changes something', async (t) => {
    const { dataDir, run, stop, leaves, left } = await start(t);
    const file = (name: string) => join(dataDir, name);
    await writeFile(file('good.raw'), 'a disk');
    await writeFile(file('recipe.sh'), 'true\n');
    const recipe = ['--size', '1', '--script', file('recipe.sh')];
    const create = ['key', 'create', '--organisation', 'Other', '--name', 'one', '--json'];
    const { key } = JSON.parse((await run(...create)).out);
    const backup = join(await temporaryFolder(t), 'backup');
    const baseLayer = async () =>
      JSON.parse((await run('layer', 'list', '--json')).out).layers[0].id as string;
    const sizes = ['--cpus', '1', '--memory', '64', '--disk', '1'];
    await leaves('done', [
      [
        ['base', 'add', '--name', 'Good', '--file', file('good.raw'), '--no-try'],
        'baseAdd',
        /^base image 2 \(Good\)$/,
      ],
      [['base', 'try', 'Good'], 'baseTry', /^base image 2 \(Good\)$/],
      [['software', 'add', '--name', 'Tool', ...recipe], 'softwareAdd', /^software 9 \(Tool\)$/],
      [
        ['software', 'update', 'Tool', '--name', 'Tool 2', ...recipe],
        'softwareUpdate',
        /^software 9 \(Tool 2\)$/,
      ],
      [
        ['machine-type', 'add', '--name', 'Tiny', ...sizes],
        'machineTypeAdd',
        /^machine type 3 \(Tiny\)$/,
      ],
      [['organisation', 'generalize', 'Demo', 'on'], 'organisationGeneralize', /Demo: on$/],
      [
        ['organisation', 'quota', 'Demo', '--images', '7'],
        'organisationQuotaSet',
        /^organisation Demo: \{"images":7\}$/,
      ],
      [
        ['organisation', 'templates', 'Demo', 'always'],
        'organisationTemplatesSet',
        /Demo: always$/,
      ],
      [create, 'keyCreate', /^key ss\w+ \(one\) of organisation Other$/],
      [['key', 'rotate', key], 'keyRotate', new RegExp(`^key ${key}, replaced by ss`)],
      [['key', 'revoke', key, '--yes'], 'keyRevoke', new RegExp(`^key ${key}$`)],
      [['base', 'board', '1', 'sim-1'], 'layerBoard', /^layer \w{24}$/],
      [['layer', 'board', await baseLayer(), 'sim-2'], 'layerBoard', /^layer \w{24}$/],
      [['layer', 'verify'], 'layerVerify', /^all layers$/],
      [['doctor', '--deep'], 'layerVerify', /^all layers$/],
      [['cache', 'prune', '--yes'], 'cachePrune', /^the build cache: 0 steps/],
      [['backup', '--to', backup], 'backupMake', /^a backup in \/.*backup$/],
    ]);
    await stop();
    await leaves('done', [
      [['master-key', 'rotate'], 'masterKeyRotate', /^the master key \w{16}$/],
    ]);
    const restored = join(await temporaryFolder(t), 'restored');
    assert.equal((await run('restore', '--from', backup, '--data-dir', restored)).code, 0);
    const [entry] = JSON.parse(
      (await run('audit', 'list', '--json', '--data-dir', restored)).out,
    ) as OperatorEntry[];
    assert.deepEqual([entry?.action, entry?.outcome], ['backupRestore', 'done']);
    assert.deepEqual((await left(['audit', 'list'])).added, []);
  });

  it('has the reason of a change that was refused or failed', async (t) => {
    const { dataDir, leaves, run } = await start(t);
    const file = (name: string) => join(dataDir, name);
    await writeFile(file('broken.raw'), 'a disk, sim-never-ready');
    await writeFile(file('recipe.sh'), 'true\n');
    const htop = ['--name', 'htop', '--size', '1', '--script', file('recipe.sh')];
    const broken = ['base', 'add', '--name', 'Broken', '--file', file('broken.raw'), '--no-try'];
    await run(...broken);
    await leaves('refused', [
      [broken, 'baseAdd', /^base image "Broken"$/, /named "Broken" already/],
      [['base', 'try', '99'], 'baseTry', /^base image 99$/, /no base image 99/],
      [['software', 'add', ...htop], 'softwareAdd', /^software "htop"$/, /named "htop" already/],
      [['software', 'update', '99', ...htop], 'softwareUpdate', /^software 99$/, /no software 99/],
      [
        ['organisation', 'quota', 'Nobody', '--images', '1'],
        'organisationQuotaSet',
        /Nobody/,
        /no organisation Nobody/,
      ],
      [
        ['key', 'create', '--organisation', 'Demo', '--permission', 'all'],
        'keyCreate',
        /organisation Demo/,
        /no permission all/,
      ],
      [['key', 'rotate', 'ssnone'], 'keyRotate', /^key ssnone$/, /no key ssnone/],
      [['key', 'revoke', 'ssnone'], 'keyRevoke', /^key ssnone$/, /no key ssnone/],
      [['layer', 'verify', 'none'], 'layerVerify', /^layers none$/, /no layer none/],
      [['machine', 'exec', '99', 'ls'], 'machineExec', /^machine 99: ls$/, /no machine 99/],
      [['machine', 'exec', '1', 'ls', '-l'], 'machineExec', /^machine 1: ls$/, /no guests/],
      [
        ['backup', '--to', join(dataDir, 'inside')],
        'backupMake',
        /inside$/,
        /lies in the data directory/,
      ],
    ]);
    await leaves('failed', [
      [['base', 'try', 'Broken'], 'baseTry', /^base image 2 \(Broken\)$/, /not done within/],
      [['master-key', 'rotate'], 'masterKeyRotate', /^the master key$/, /Another server/],
    ]);
  });

  it('has no entry for commands that only read or have a usage error', async (t) => {
    const { left } = await start(t);
    for (const args of [
      ...reading,
      ...[
        ['base', 'list', '--local'],
        ['software', 'list', '--local'],
        ['machine-type', 'list', '--local'],
        ['machine', 'list'],
        ['cache', 'prune', '--keep-gb', 'x'],
        ['base', 'try', 'None'],
        ['base', 'add'],
      ],
    ])
      assert.deepEqual((await left(args)).added, [], args.join(' '));
  });

  it('has entries for filling the demo, under the user that ran serve', async (t) => {
    const { entries } = await start(t, startDemoAlone);
    const actions = (await entries()).map(({ action }) => action).reverse();
    assert.deepEqual(actions, [
      ...['baseAdd', ...Array(8).fill('softwareAdd')],
      ...['machineTypeAdd', 'machineTypeAdd', 'keyCreate'],
    ]);
  });
});

describe('an entry of the operator’s audit trail', () => {
  it('is written before the work begins, so that it shows when the process died', async (t) => {
    const dataDir = await temporaryFolder(t);
    const store = await openSqlite({ dataDir, now: Date.now });
    let closed = false;
    defer(t, async () => (closed ? undefined : store.close()));
    let runs = 0;
    const work = change(
      'testWork',
      (thing: string) => thing,
      async ({ store }, _thing) => {
        runs++;
        return (await auditList(store, 10)).map(({ thing, outcome }) => [thing, outcome]);
      },
    );
    assert.deepEqual(await work(operatorOn(store), 'one'), [['one', 'begun']]);
    assert.deepEqual(
      (await auditList(store, 10)).map(({ thing, outcome }) => [thing, outcome]),
      [['one', 'done']],
    );
    await store.close();
    closed = true;
    await assert.rejects(work(operatorOn(store), 'two'));
    assert.equal(runs, 1);
  });
});
