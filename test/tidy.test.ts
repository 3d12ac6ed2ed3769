// Checks the source tree: which room may import which, the length of files, banned names, and a
// first comment in every file.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';

const root = new URL('..', import.meta.url).pathname;
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
})
  .toString()
  .trim()
  .split('\n');
const sources = tracked.filter((path) => /\.(ts|tsx|js)$/.test(path));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** The room of a file: the longest entry that its path begins with. */
const mayImport: Record<string, readonly string[]> = {
  'src/domain': [],
  'src/contract': ['src/domain/ids.ts', 'src/domain/event-type.ts'],
  'src/lib': [],
  'src/blobs/local': ['src/domain', 'src/lib', 'src/blobs/port.ts'],
  'src/blobs/port.ts': ['src/domain', 'src/lib'],
  'src/store/port': ['src/domain'],
  'src/store/migrations': ['src/lib'],
  'src/store/sql': ['src/domain', 'src/lib', 'src/store/port'],
  'src/store/sqlite': ['src/domain', 'src/lib', 'src/store'],
  'src/store/postgres': ['src/domain', 'src/lib', 'src/store'],
  'src/engine/port': ['src/domain', 'src/lib', 'src/engine/optional'],
  'src/engine/optional': ['src/domain', 'src/lib', 'src/engine/port'],
  'src/engine/fence.ts': ['src/domain', 'src/engine/port', 'src/engine/optional'],
  'src/engine/identity.ts': ['src/domain'],
  'src/engine/demo-base.ts': ['src/domain', 'src/lib'],
  'src/engine/growth-script.ts': [],
  'src/engine/guest-script.ts': [
    ...['src/domain', 'src/engine/identity.ts', 'src/engine/growth-script.ts'],
  ],
  'src/engine/build-end.ts': ['src/domain', 'src/engine/port'],
  ...Object.fromEntries(
    ['qemu', 'incus', 'simulator'].map((name) => [
      `src/engine/${name}`,
      [
        ...['src/domain', 'src/lib', 'src/engine/port', 'src/engine/optional'],
        ...['build-end', 'fence', 'identity', 'guest-script'].map(
          (shared) => `src/engine/${shared}.ts`,
        ),
      ],
    ]),
  ),
  'src/app/operator': [
    'src/app',
    'src/domain',
    'src/lib',
    'src/reconcile',
    'src/store/port',
    'src/blobs/port.ts',
    'src/engine/port',
    'src/engine/optional',
  ],
  'src/app': ['src/domain', 'src/lib', 'src/store/port', 'src/blobs/port.ts'],
  'src/reconcile': [
    'src/blobs/port.ts',
    'src/domain',
    'src/lib',
    'src/store/port',
    'src/engine/port',
    'src/engine/optional',
  ],
  'src/http': ['src/domain', 'src/lib', 'src/app', 'src/contract'],
  'src/client': ['src/contract/signing.ts'],
  'src/cli/operator': [
    ...['src/cli', 'src/app/operator', 'src/client', 'src/domain', 'src/lib', 'src/server'],
    // The types of the store and the engine that it opens, and the lock that keeps a server away.
    ...['src/store/port', 'src/store/sqlite/lock.ts', 'src/engine/port'],
    'src/reconcile/findings.ts',
  ],
  'src/cli/explain.ts': ['src/cli', 'src/client', 'src/domain', 'src/lib'],
  'src/cli/exit-kind.ts': ['src/cli', 'src/client', 'src/domain'],
  'src/cli/interruptible.ts': ['src/cli', 'src/domain'],
  'src/cli': ['src/client', 'src/lib', 'src/contract'],
  'src/server': ['src'],
  'src/bin': ['src'],
};
const roomsLongestFirst = Object.keys(mayImport).sort((a, b) => b.length - a.length);
const roomOf = (path: string) =>
  roomsLongestFirst.find((room) => path === room || path.startsWith(`${room}/`));

const importsOf = (path: string): string[] =>
  [...read(path).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    normalize(join(dirname(path), match[1] ?? '')),
  );

const columnsMax = 100;
const exported = /^export (?:async )?(?:const|function|class|interface|type) (\w+)/gm;

/** The numbered lines of a source file, without those in templates of several lines. */
function outsideTemplates(text: string): [number: number, line: string][] {
  let inside = false;
  return text.split('\n').flatMap((line, index): [number, string][] => {
    const ticks = line.replaceAll('\\`', '').split('`').length - 1;
    const wasInside = inside;
    if (ticks % 2 === 1) inside = !inside;
    return wasInside || ticks % 2 === 1 ? [] : [[index + 1, line]];
  });
}

/** Pages and types that a program prints. */
const isPrinted = (path: string) =>
  /^docs\/reference\/(api|cli|errors|settings)\.md$/.test(path) ||
  /^src\/client\/((operator-)?types|error-codes)\.ts$/.test(path);
/** Files whose exports are for the programs that install the client. */
const isPublic = (path: string) => /^src\/client\/(silversmith|types)\.ts$/.test(path);

/**
 * Whether a line of code is wide for a reason: a text, a path or a pattern that cannot be cut. A
 * comment can be.
 */
const isWideForText = (line: string) =>
  !/^\s*(?:\/\/|\/?\*)/.test(line) && /['"`/].{30}/.test(line);

/** The numbered lines of a page, without code, tables, and lines that are one link. */
function proseOf(text: string): [number: number, line: string][] {
  let inCode = false;
  return text.split('\n').flatMap((line, index): [number, string][] => {
    if (line.trimStart().startsWith('```')) inCode = !inCode;
    const isProse = !inCode && !/^\s*\|/.test(line) && / .*\S/.test(line.trim());
    return isProse ? [[index + 1, line]] : [];
  });
}

describe('the source tree', () => {
  it('allows only the permitted imports between rooms', () => {
    const wrong: string[] = [];
    let seen = 0;
    for (const path of sources.filter(
      (source) => source.startsWith('src/') && !source.endsWith('.test.ts'),
    )) {
      const room = roomOf(path);
      assert.ok(room, `${path} is in no room`);
      for (const target of importsOf(path)) {
        seen++;
        const allowed = [room, ...(mayImport[room] ?? [])].some(
          (one) => target === one || target.startsWith(`${one}/`),
        );
        if (!allowed) wrong.push(`${path} imports ${target}`);
      }
    }
    assert.deepEqual(wrong, []);
    assert.ok(seen > 100, 'the walk finds imports');
  });

  it('lets the client load no schema of the contract', () => {
    const loads = sources
      .filter((path) => path.startsWith('src/client/'))
      .flatMap((path) =>
        [...read(path).matchAll(/^import [^;]*'\.\.\/contract\/(.+)'/gm)].map(([, file]) => file),
      );
    // It imports nothing. The types of all others need TypeBox, which the client's users lack.
    assert.deepEqual([...new Set(loads)], ['signing.ts']);
  });

  it('reads the environment in bin alone', () => {
    const readers = sources.filter(
      (path) =>
        path.startsWith('src/') && !path.startsWith('src/bin/') && /process\.env/.test(read(path)),
    );
    assert.deepEqual(readers, []);
  });

  it('has no file over 300 lines and no banned name', () => {
    const long = sources.filter(
      (path) => !isPrinted(path) && read(path).trimEnd().split('\n').length > 300,
    );
    assert.deepEqual(long, []);
    const banned = tracked.filter((path) =>
      /(^|\/)(utils?|helpers?|common|misc|manager)(\/|\.|$)/i.test(path),
    );
    assert.deepEqual(banned, []);
    const camel = tracked.filter((path) => /^(src|test|bench)\/.*[a-z][A-Z]/.test(path));
    assert.deepEqual(camel, []);
  });

  it('keeps code and prose within 100 columns', () => {
    const wide: string[] = [];
    for (const path of sources.filter((one) => !isPrinted(one)))
      for (const [number, line] of outsideTemplates(read(path)))
        if (line.length > columnsMax && !isWideForText(line)) wide.push(`${path}:${number}`);
    for (const path of tracked.filter((one) => one.endsWith('.md') && !isPrinted(one)))
      for (const [number, line] of proseOf(read(path)))
        if (line.length > columnsMax) wide.push(`${path}:${number}`);
    assert.deepEqual(wide, []);
  });

  it('exports only names that another file imports', () => {
    const all = sources.map((path) => [path, read(path)] as const);
    const lonely: string[] = [];
    for (const [path, text] of all.filter(([one]) => one.startsWith('src/') && !isPublic(one)))
      for (const [, name = ''] of text.matchAll(exported)) {
        const word = new RegExp(`\\b${name}\\b`);
        if (!all.some(([other, content]) => other !== path && word.test(content)))
          lonely.push(`${path} exports ${name}`);
      }
    assert.deepEqual(lonely, []);
  });

  it('opens every source file with a sentence about its content', () => {
    const silent = sources.filter(
      (path) => /^(src|test|bench)\//.test(path) && !/^(#!.*\n)?\/\/ /.test(read(path)),
    );
    assert.deepEqual(silent, []);
    const riddles = sources.filter((path) => /^(#!.*\n)?\/\/ (What|Who)\b/.test(read(path)));
    assert.deepEqual(riddles, []);
  });

  it('has one version in all packages, for which the newest section of the changes is', () => {
    const versions = tracked
      .filter((path) => /^(packages\/\w+\/)?package\.json$/.test(path))
      .map((path): unknown => JSON.parse(read(path)).version);
    assert.ok(versions.length >= 3);
    const [, newest, date] = /^## (\S+) \((.+)\)$/m.exec(read('CHANGELOG.md')) ?? [];
    assert.deepEqual([...new Set(versions)], [newest]);
    assert.match(date ?? '', /^(unreleased|\d{4}-\d\d-\d\d)$/);
  });

  it('starts no shell and keeps registry addresses out of the lockfile', () => {
    const shells = sources.filter(
      (path) =>
        path.startsWith('src/') &&
        /\bexec(Sync)?\b[^}]*\} from 'node:child_process'|shell:\s*true/.test(read(path)),
    );
    assert.deepEqual(shells, []);
    // The packages of this repository are links to their folders.
    assert.doesNotMatch(read('package-lock.json'), /"resolved": "(?!packages\/)/);
  });
});
