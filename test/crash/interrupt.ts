// Counts the steps of a process and ends it before one of them. A step is a call by which the
// process changes something outside its memory: it makes, moves, syncs or removes a file, starts a
// program, or commits a transaction. The verbs of Node are wrapped for this, so that the server
// under test is not changed, and a new step is counted although no list names it.

import childProcess, { execFileSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { DatabaseSync, StatementSync } from 'node:sqlite';

export interface Interruption {
  /** The number of the step before which the process dies; 0: it does not die. */
  at: number;
  /** A mounted file system that loses its power at the same moment; null: none does. */
  cut: string | null;
  /** The data directory. It is left out of the names of steps, so that they are always the same. */
  root: string;
}

const stdout = 1;

function die(cut: string | null): never {
  // From here on nothing reaches the disk, and all data that was not synced is lost.
  if (cut !== null) execFileSync('xfs_io', ['-x', '-c', 'shutdown', cut]);
  process.kill(process.pid, 'SIGKILL');
  // Block until the signal arrives, so that the process takes no further step.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  throw new Error('unreachable');
}

/**
 * Wraps the verbs. Steps count from now when `fromStart` is true, and from 1 again at each SIGUSR2.
 * Each step prints a line `step NUMBER NAME` on standard output, before it happens.
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
    // QEMU is started through bubblewrap, setpriv and others: name the step after QEMU.
    const found = words.findIndex((word) => ['qemu-img', 'qemu-system-x86_64'].includes(word));
    const [program, does = ''] = words.slice(Math.max(0, found));
    return `spawn ${program === 'qemu-img' && !does.startsWith('-') ? `${program} ${does}` : program}`;
  });
  syncBuiltinESMExports();

  // A transaction is a step when it changes something. Its name lists the tables. There are two
  // steps: `commit` before it is durable, `answer` after, before the caller hears of it.
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
