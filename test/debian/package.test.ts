// npm run test:debian: the Debian package, built from this checkout and installed, used, upgraded,
// removed and purged on a fresh Debian 12 and 13. It needs root, and fetches Debian's packages.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

const path = (name: string) => new URL(name, import.meta.url).pathname;
const mb = 1_000_000;
const packageBytesMax = 45 * mb;
const limitMs = 1_500_000;
const releases = ['bookworm', 'trixie'];

const run = (command: string, ...given: string[]) =>
  execFileSync(command, given, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** Builds the package of this checkout into a folder. */
function build(folder: string): string {
  mkdirSync(folder);
  return run('bash', path('../../packaging/build-deb'), folder).trim();
}

/** The same package under a lower version; it is not compressed, because that takes a minute. */
function older(file: string, folder: string): string {
  const tree = join(folder, 'older');
  const made = join(folder, 'older.deb');
  run('dpkg-deb', '--raw-extract', file, tree);
  run('sed', '-i', 's/^Version: .*/Version: 0.0.1/', join(tree, 'DEBIAN', 'control'));
  run('dpkg-deb', '--root-owner-group', '-Znone', '--build', tree, made);
  rmSync(tree, { recursive: true });
  return made;
}

describe('the Debian package', () => {
  let folder = '';
  let file = '';
  before(() => {
    assert.equal(process.getuid?.(), 0, 'it makes whole systems; type: sudo npm run test:debian');
    folder = mkdtempSync(join(tmpdir(), 'silversmith-debian-'));
    file = build(join(folder, 'first'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('is not larger than it should be', (t) => {
    const { size } = statSync(file);
    t.diagnostic(`${size} bytes`);
    assert.ok(size <= packageBytesMax, `${size} bytes`);
  });

  it('has the same bytes when it is built again', () => {
    assert.equal(digest(build(join(folder, 'second'))), digest(file));
  });

  for (const release of releases)
    it(`is installed, used, upgraded, removed and purged on ${release}`, {
      timeout: limitMs,
    }, () => {
      const [tree, scratch, opt] = ['tree', 'scratch', 'opt'].map((name) =>
        join(folder, `${release}-${name}`),
      ) as [string, string, string];
      for (const made of [scratch, opt]) mkdirSync(made);
      run('mmdebstrap', '--quiet', '--variant=minbase', release, tree);
      copyFileSync(file, join(opt, 'new.deb'));
      copyFileSync(older(file, opt), join(opt, 'old.deb'));
      const { status } = spawnSync(
        'bash',
        [path('../fresh/enter'), tree, scratch, opt, 'bash', '-s'],
        { input: readFileSync(path('session')), stdio: ['pipe', 'inherit', 'inherit'] },
      );
      for (const made of [tree, scratch, opt]) rmSync(made, { recursive: true, force: true });
      assert.equal(status, 0);
    });
});
