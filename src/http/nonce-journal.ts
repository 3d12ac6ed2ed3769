// The nonces that keys have used within the window, in memory and in an append-only file, so that a replay is refused after a restart
// too. An append costs no fsync: a kill of the server forgets nothing, a power cut may forget the last moments. A request that changes
// state therefore records its nonce in its own transaction as well.
//
// Two generations: the current file and the one before. When the current one is as old as a nonce can be good for, it becomes the
// one before, and that is forgotten. Its age is told by the monotonic clock: a wall clock that is set forward and back would age it twice.

import { closeSync, existsSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';

type JournalClock = Pick<Clock, 'now' | 'monotonic'>;

interface Generation {
  /** On the monotonic clock. */
  startedAt: number;
  used: Set<string>;
}

export class NonceJournal {
  readonly #path: string;
  readonly #windowMs: number;
  readonly #clock: JournalClock;
  #current: Generation;
  #previous: Generation | null;
  readonly #failed: (error: unknown) => void;
  #file: number;

  /** `failed` is told of what could not be written: the nonce is then known until the server ends. */
  constructor(dataDir: string, windowMs: number, clock: JournalClock, failed: (error: unknown) => void) {
    this.#path = join(dataDir, 'nonces');
    this.#windowMs = windowMs;
    this.#clock = clock;
    this.#failed = failed;
    this.#previous = this.#load(`${this.#path}.1`);
    this.#current = this.#load(`${this.#path}.0`) ?? { startedAt: clock.monotonic(), used: new Set() };
    const begun = existsSync(`${this.#path}.0`);
    this.#file = openSync(`${this.#path}.0`, 'a', 0o600);
    if (!begun) this.#append(String(clock.now()));
  }

  /** Each line begins with the break that ends the one before, which a dying server or a full disk may have left half-written. */
  #append(line: string): void {
    try {
      writeSync(this.#file, `\n${line}`);
    } catch (error) {
      this.#failed(error);
    }
  }

  #load(path: string): Generation | null {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      return null;
    }
    const [first, ...used] = text.split('\n').filter((line) => line !== '');
    const ageMs = this.#clock.now() - (Number(first) || 0);
    const startedAt = this.#clock.monotonic() - Math.min(Math.max(0, ageMs), this.#windowMs);
    return { startedAt, used: new Set(used) };
  }

  /** False when the key has used the nonce within the window. */
  use(key: string, nonce: string): boolean {
    if (this.#clock.monotonic() - this.#current.startedAt > this.#windowMs) this.#rotate();
    const entry = `${key}:${nonce}`;
    if (this.#current.used.has(entry) || this.#previous?.used.has(entry)) return false;
    this.#current.used.add(entry);
    this.#append(entry);
    return true;
  }

  #rotate(): void {
    this.#previous = this.#current;
    this.#current = { startedAt: this.#clock.monotonic(), used: new Set() };
    try {
      renameSync(`${this.#path}.0`, `${this.#path}.1`);
      const next = openSync(`${this.#path}.0`, 'a', 0o600);
      closeSync(this.#file);
      this.#file = next;
    } catch (error) {
      this.#failed(error);
    }
    this.#append(String(this.#clock.now()));
  }

  close(): void {
    closeSync(this.#file);
  }
}
