// Counts what a process changes, at the places where it asks the system for it: each file that it
// makes, moves, syncs or removes, each program that it starts, each transaction that it commits.
// Before the one that is named the process dies. The program under test is not changed for it and
// does not know.

import childProcess, { execFileSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { DatabaseSync, StatementSync } from 'node:sqlite';

export interface Interruption {
  /** The step before which it dies; 0: none. */
  at: number;
  /** A mounted file system that loses its power in the same moment. */
  cut: string | null;
  /** What is left out of the names of files. */
  root: string;
}

const stdout = 1;

function die(cut: string | null): never {
  // What has not been synced to it by now is gone, and nothing more reaches it.
  if (cut !== null) execFileSync('xfs_io', ['-x', '-c', 'shutdown', cut]);
  process.kill(process.pid, 'SIGKILL');
  // The signal is on its way; nothing else happens.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  throw new Error('unreachable');
}

/**
 * Begins to count when it is called, and anew at each SIGUSR2. Each step is told as a line `step
 * NUMBER NAME` on standard output.
 */
export async function interrupt(
  { at, cut, root }: Interruption,
  fromStart: boolean,
): Promise<void> {
  let [armed, count] = [fromStart, 0];
  process.on('SIGUSR2', () => {
    [armed, count] = [true, 0];
    writeSync(stdout, 'armed\n');
  });
  const plain = (text: unknown) =>
    String(text)
      .replaceAll(`${root}/`, '')
      .replaceAll(root, '.')
      .replaceAll(/[0-9a-f]{24}/g, 'ID')
      .replaceAll(/[0-9a-f]{64}/g, 'SHA256')
      .replaceAll(/\/seed\/.*/g, '/seed/…');
  const step = (name: string) => {
    if (!armed) return;
    count++;
    writeSync(stdout, `step ${count} ${name}\n`);
    if (count === at) die(cut);
  };

  type Verb = (...args: unknown[]) => unknown;
  const wrap = (owner: object, verb: string, nameOf: (args: unknown[]) => string) => {
    const original = Reflect.get(owner, verb) as Verb;
    Reflect.set(owner, verb, function (this: unknown, ...args: unknown[]) {
      step(nameOf(args));
      return original.apply(this, args);
    });
  };
  for (const verb of ['rm', 'writeFile', 'mkdir', 'chmod', 'chown', 'truncate'])
    wrap(fs, verb, ([path]) => `${verb} ${plain(path)}`);
  for (const verb of ['rename', 'link', 'copyFile'])
    wrap(fs, verb, ([from, to]) => `${verb} ${plain(from)} ${plain(to)}`);
  const handle = await fs.open('/dev/null');
  wrap(Object.getPrototypeOf(handle) as FileHandle, 'sync', () => 'sync');
  await handle.close();
  wrap(childProcess, 'spawn', ([file, args]) => {
    const words = [file, ...(args as string[])].map((word) => basename(String(word)));
    // Named after the program that is confined, not after those that confine it.
    const found = words.findIndex((word) => ['qemu-img', 'qemu-system-x86_64'].includes(word));
    const [program, does = ''] = words.slice(Math.max(0, found));
    return `spawn ${program === 'qemu-img' && !does.startsWith('-') ? `${program} ${does}` : program}`;
  });
  syncBuiltinESMExports();

  // A transaction is a step when it changes something: told by its tables.
  const tables = new WeakMap<DatabaseSync, Set<string>>();
  const databaseOf = new WeakMap<StatementSync, DatabaseSync>();
  const prepare = DatabaseSync.prototype.prepare;
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string) {
    const statement = prepare.call(this, sql);
    databaseOf.set(statement, this);
    return statement;
  };
  for (const verb of ['run', 'all'] as const) {
    const original = Reflect.get(StatementSync.prototype, verb) as Verb;
    Reflect.set(StatementSync.prototype, verb, function (this: StatementSync, ...args: unknown[]) {
      const database = databaseOf.get(this);
      const sql = this.sourceSQL;
      if (!database) return original.apply(this, args);
      if (/^begin/.test(sql)) tables.set(database, new Set());
      const table = /^(?:insert into|update|delete from) "(\w+)"/.exec(sql)?.[1];
      if (table !== undefined) tables.get(database)?.add(table);
      const changed = sql === 'commit' ? [...(tables.get(database) ?? [])].sort().join(', ') : '';
      if (changed !== '') step(`commit ${changed}`);
      const result = original.apply(this, args);
      if (changed !== '') step(`answer ${changed}`);
      return result;
    });
  }
}
