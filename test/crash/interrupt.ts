// Counts the steps of a process, and ends it, or its database, before one of them. A step is a call
// by which the process changes something outside its memory: it makes, moves, syncs or removes a
// file, starts a program, or commits a transaction. The verbs of Node are wrapped for this, so that
// the server under test is not changed, and a new step is counted although no list names it.

import childProcess, { execFileSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { isAlive } from '../process-state.ts';
import { countInPostgres, countInSqlite, type TakeStep } from './transactions.ts';

/** The programs that run in cages. */
const caged = ['qemu-img', 'qemu-system-x86_64', 'reader.ts'];

export interface Interruption {
  /** The number of the step before which the process dies; 0: it does not die. */
  at: number;
  /** A mounted file system that loses its power at the same moment; null: none does. */
  cut: string | null;
  /** The id of the database's process, which crashes instead of this one; null: this one dies. */
  database: number | null;
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

const crashMostMs = 30_000;
const lookEveryMs = 10;

/** Ends the database as a crash would. Blocks until then, so that no step is taken meanwhile. */
function crash(database: number): void {
  process.kill(database, 'SIGQUIT');
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; isAlive(database); waitedMs += lookEveryMs) {
    if (waitedMs > crashMostMs) throw new Error('the database does not end');
    Atomics.wait(never, 0, 0, lookEveryMs);
  }
}

/**
 * Wraps the verbs. Steps count from now when `fromStart` is true, and from 1 again at each SIGUSR2.
 * Each step prints a line `step NUMBER NAME` on standard output, before it happens.
 */
export async function interrupt(
  { at, cut, database, root }: Interruption,
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
  const step: TakeStep = (name) => {
    if (!armed) return false;
    count++;
    writeSync(stdout, `step ${count} ${name}\n`);
    if (count !== at) return false;
    if (database === null) die(cut);
    crash(database);
    return true;
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
    // These are started through bubblewrap, setpriv and others: name the step after them.
    const found = words.findIndex((word) => caged.includes(word));
    const [program, does = ''] = words.slice(Math.max(0, found));
    return `spawn ${program === 'qemu-img' && !does.startsWith('-') ? `${program} ${does}` : program}`;
  });
  syncBuiltinESMExports();

  countInSqlite(step);
  countInPostgres(step);
}
