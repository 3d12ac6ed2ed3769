// The version that a checkout says: that of its tag, else that of the package.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { assertOneVersion } from '../../tools/build-server.ts';
import { temporaryFolder } from '../support.ts';

const source = new URL('../../src/bin/version.ts', import.meta.url);
const print = "import { versionLine } from './src/bin/version.ts'; console.log(versionLine())";

describe('the version', () => {
  it('of a package that is built is the tag, where the commit has one', () => {
    const made = (version: string) => ({ version, commit: 'abc' });
    assertOneVersion(made('1.2.0'), '1.2.0');
    assertOneVersion(made('1.1.0-7-gabc'), '1.2.0');
    assert.throws(() => assertOneVersion(made('1.1.0'), '1.2.0'), /v1\.1\.0, .* 1\.2\.0/);
  });

  it('is the tag of the commit, and says the commit and whether files were changed', async (t) => {
    const folder = await temporaryFolder(t);
    const env = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', HOME: folder };
    const run = (command: string, ...args: string[]) =>
      execFileSync(command, args, { cwd: folder, env, encoding: 'utf8' }).trim();
    const git = (...args: string[]) =>
      run('git', '-c', 'user.name=A', '-c', 'user.email=a@example.org', ...args);
    const says = () => run(process.execPath, '--input-type=module', '--eval', print);
    const node = `Node ${process.versions.node}`;

    await mkdir(join(folder, 'src', 'bin'), { recursive: true });
    await cp(source, join(folder, 'src', 'bin', 'version.ts'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module", "version": "1.2.0" }');
    assert.equal(says(), `1.2.0 (checkout, ${node})`);

    git('init', '--quiet');
    git('add', '.');
    git('commit', '--quiet', '--message', 'first');
    const first = git('rev-parse', '--short=12', 'HEAD');
    assert.equal(says(), `1.2.0 (commit ${first}, ${node})`);
    git('tag', 'v1.3.0');
    git('tag', 'other');
    assert.equal(says(), `1.3.0 (commit ${first}, ${node})`);

    await writeFile(join(folder, 'package.json'), '{ "type": "module", "version": "1.3.1" }');
    assert.equal(says(), `1.3.0-dirty (commit ${first}-dirty, ${node})`);
    git('commit', '--quiet', '--all', '--message', 'second');
    const second = git('rev-parse', '--short=12', 'HEAD');
    assert.match(says(), /^1\.3\.0-1-g[0-9a-f]+ \(commit /);
    assert.ok(says().includes(second));

    await writeFile(join(folder, 'src', 'build.json'), '{ "version": "9.9.9", "commit": "abc" }');
    assert.equal(says(), `9.9.9 (commit abc, ${node})`);
  });
});
