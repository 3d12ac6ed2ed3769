// The signatures that were used within the window, in memory and in an append-only file, so that a
// replay is refused after a restart too. An append costs no fsync: a kill of the server forgets
// nothing, a power cut may forget the last moments. A request that changes state therefore records
// its signature in its own transaction as well.
//
// Two generations: the current file and the one before. When the current one is as old as a
// signature can be good for, it becomes the one before, and that is forgotten. Its age is told by
// the monotonic clock: a wall clock that is set forward and back would age it twice.
//
// A journal that is new, in a new data directory, after a restore or beside the files of an older
// version, does not know what was used before it began. Until it covers the window, what was signed
// before then is refused.

import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';

type JournalClock = Pick<Clock, 'now' | 'monotonic'>;

interface Generation {
  /** On the monotonic clock. */
  startedAt: number;
  used: Set<string>;
  /** How many were refused because they came too fast. */
  refused: number;
}

const refusedMax = 50_000;

export class SignatureJournal {
  readonly #path: string;
  readonly #windowMs: number;
  readonly #clock: JournalClock;
  #current: Generation;
  #previous: Generation | null;
  readonly #failed: (error: unknown) => void;
  #file: number;

  /**
   * `failed` is told of what could not be written: the signature is then known until the server
   * ends.
   */
  constructor(
    dataDir: string,
    windowMs: number,
    clock: JournalClock,
    failed: (error: unknown) => void,
  ) {
    this.#path = join(dataDir, 'signatures');
    this.#windowMs = windowMs;
    this.#clock = clock;
    this.#failed = failed;
    this.#previous = this.#load(`${this.#path}.1`);
    this.#current = this.#load(`${this.#path}.0`) ?? this.#begin();
    const begun = existsSync(`${this.#path}.0`);
    this.#file = openSync(`${this.#path}.0`, 'a', 0o600);
    if (!begun) this.#append(String(this.#clock.now()));
    // An older version remembered nonces.
    for (const generation of [0, 1]) rmSync(join(dataDir, `nonces.${generation}`), { force: true });
  }

  #begin(): Generation {
    return { startedAt: this.#clock.monotonic(), used: new Set(), refused: 0 };
  }

  /**
   * Each line begins with the break that ends the one before, which a dying server or a full disk
   * may have left half-written.
   */
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
    return { startedAt, used: new Set(used), refused: 0 };
  }

  /** How far back it knows what was used: what was signed longer ago may be a replay. */
  get coversMs(): number {
    const ageMs = this.#clock.monotonic() - this.#current.startedAt;
    return this.#previous !== null || ageMs > this.#windowMs ? Number.POSITIVE_INFINITY : ageMs;
  }

  /** Whether the signature was used within the window. */
  has(signature: string): boolean {
    return this.#current.used.has(signature) || this.#previous?.used.has(signature) === true;
  }

  /** False when the signature was used within the window. */
  use(signature: string): boolean {
    if (this.#clock.monotonic() - this.#current.startedAt > this.#windowMs) this.#rotate();
    if (this.has(signature)) return false;
    this.#current.used.add(signature);
    this.#append(signature);
    return true;
  }

  /**
   * Remembers one that is refused because it came too fast, so that who saw it cannot send it when
   * there is room. That costs no bytes, is forgotten when the server ends, and past a number of
   * them is not done.
   */
  refuse(signature: string): void {
    if (this.#current.refused++ < refusedMax) this.#current.used.add(signature);
  }

  #rotate(): void {
    this.#previous = this.#current;
    this.#current = this.#begin();
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
