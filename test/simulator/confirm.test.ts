// Before something is lost: what is said, who is asked, and how it is undone.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Scope } from '../support.ts';
import { startDemo } from './demo.ts';
import { inTerminal } from './pseudo-terminal.ts';

/** Starts a demo with an image on whose disk machine 1 has run. */
async function used(t: Scope) {
  const demo = await startDemo(t);
  await demo.run('image', 'install', 'htop', '--name', 'Studio');
  await demo.run('image', 'assign', 'Studio', '1', '2');
  assert.equal((await demo.run('machine', 'start', '1')).code, 0);
  assert.equal((await demo.run('machine', 'stop', '1')).code, 0);
  const images = async () => JSON.parse((await demo.run('image', 'list', '--json')).out).count;
  return { ...demo, images };
}

describe('a command that destroys', { concurrency: 2 }, () => {
  it('says in numbers what is lost, and changes nothing without --yes where nobody can be asked', async (t) => {
    const { run, images } = await used(t);
    for (const [args, says] of [
      [
        ['image', 'delete', 'Studio'],
        /Delete image 1 \(Studio\):\n {2}2 machines .*\n {2}1 machine, 0 images and 0 kept disks.*\n {2}0\.0 MB .*\n {2}It can be undone/,
      ],
      [
        ['machine', 'reset', '1-2'],
        /Reset 2 machines: 1 \(Machine #1\), 2 .*:\n {2}1 disk with (\d+\.\d MB|what was) written since 20.*\n {2}It can be undone: silversmith machine restore/,
      ],
      [
        ['image', 'assign', 'Studio', '1'],
        /Assign image 1 to machine 1 .*next start:\n {2}1 disk with/,
      ],
      [['image', 'undo', 'Studio'], /Give 2 machines.*before image 1:\n {2}1 disk/],
      [['key', 'revoke', 'unused'], /no key unused/],
    ] as const) {
      const { code, out, err } = await run(...args);
      assert.match(err, says, args.join(' '));
      assert.equal(out, '');
      assert.ok(code === 2 || code === 3, `${code}`);
      if (args[0] === 'key') continue;
      assert.match(err, /Nothing was changed\. .*--yes/);
      const dry = await run(...args, '--dry-run', '--yes');
      assert.deepEqual([dry.code, says.test(dry.out), dry.err], [0, true, ''], dry.out);
      const json = JSON.parse((await run(...args, '--dry-run', '--json')).out);
      assert.deepEqual([json.dry_run, typeof json.undo], [true, 'string']);
    }
    assert.equal(await images(), 1);
    assert.doesNotMatch((await run('machine', 'disks', '1')).out, /kept/);
  });

  it('asks nothing when nothing is lost', async (t) => {
    const { run } = await used(t);
    assert.equal((await run('machine', 'reset', '3')).code, 0);
    assert.equal((await run('image', 'assign', 'Studio', '3-6')).code, 0);
  });

  it('says afterwards how to undo it, and that works', async (t) => {
    const { run, images } = await used(t);
    const undoOf = (err: string) => /silversmith (image|machine) ([\w -]+)\n$/.exec(err) ?? [];
    const reset = await run('machine', 'reset', '1', '--yes');
    assert.match(reset.err, /^To undo until 20\d\d-.*: silversmith machine restore 1\n$/);
    assert.equal((await run('machine', 'restore', '1')).code, 0);
    const deleted = await run('image', 'delete', 'Studio', '--yes');
    const [, noun = '', rest = ''] = undoOf(deleted.err);
    assert.equal(await images(), 0);
    assert.equal((await run(noun, ...rest.split(' '))).code, 0);
    assert.equal(await images(), 1);
    const assigned = await run('image', 'assign', 'Studio', '3', '4');
    const [, again = '', words = ''] = undoOf(assigned.err);
    assert.match((await run(again, ...words.split(' '))).out, /2 machines have what/);
  });

  it('asks at a terminal, and takes no answer but y or yes', async (t) => {
    const { environment, images } = await used(t);
    const typing = async (answer: string, expected: number) => {
      const terminal = inTerminal(t, { env: environment }, 'image', 'delete', 'Studio');
      await terminal.shows(/Go on\? \[y\/N\] /);
      terminal.type(answer);
      assert.equal(await terminal.closed, expected, terminal.shown());
      return terminal.shown();
    };
    assert.match(await typing('n\r', 2), /Nothing was changed/);
    assert.match(await typing('\u0003', 130), /nothing was changed/);
    assert.equal(await images(), 1);
    assert.match(await typing('y\r', 0), /Image 1 is deleted/);
    assert.equal(await images(), 0);
  });
});
