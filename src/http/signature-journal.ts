// The journal of signatures that were used within the window: in memory, and in an append-only file
// so that a replay is also refused after a restart. The signatures of all requests that arrive in
// one turn of the event loop are appended at once, before any of these requests is answered. An
// append is not synced to the disk. A killed server therefore forgets nothing, but a power cut may
// lose the last moments, so a request that changes something also records its signature in its own
// transaction.
//
// There are two generations, the current file and the previous one. When the current file is as old
// as the window, it becomes the previous one, and the one before is forgotten. The monotonic clock
// measures its age, because a wall clock that is set forward and back would age it twice.
//
// A new journal (in a new data directory, after a restore, or after an upgrade from a version that
// kept nonces) does not know which signatures were used before it began. Until it covers the
// window, requests that were signed before it began are refused.

import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import type { Clock } from '../lib/clock.ts';

type JournalClock = Pick<Clock, 'now' | 'monotonic'>;

interface Generation {
  /** On the monotonic clock, in ms. */
  startedAt: number;
  used: Set<string>;
  /** How many signatures were refused because they came too fast. */
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
  /** The signatures that are appended at the end of this turn, and its end. */
  #waiting: string[] = [];
  #turn: Promise<void> | null = null;

  /**
   * `failed` gets each error of a write. The signature is then remembered only until the server
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
    // An older version kept nonces in these files.
    for (const generation of [0, 1]) rmSync(join(dataDir, `nonces.${generation}`), { force: true });
  }

  #begin(): Generation {
    return { startedAt: this.#clock.monotonic(), used: new Set(), refused: 0 };
  }

  /**
   * Begins with a line break, because a killed server or a full disk may have left the line before
   * without its end. A single write may take only a part, and would not tell of the rest.
   */
  #append(line: string): void {
    try {
      appendFileSync(this.#file, `\n${line}`);
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

  /** How far back it knows each used signature, in ms. A request from before may be a replay. */
  get coversMs(): number {
    const ageMs = this.#clock.monotonic() - this.#current.startedAt;
    return this.#previous !== null || ageMs > this.#windowMs ? Number.POSITIVE_INFINITY : ageMs;
  }

  /** Whether the signature was used within the window. */
  has(signature: string): boolean {
    return this.#current.used.has(signature) || this.#previous?.used.has(signature) === true;
  }

  /**
   * Records a use. `used`: the signature was used within the window before. `early`: the request
   * was signed before the journal covers, so it may be a replay.
   */
  async use({ signature, signedAt }: { signature: string; signedAt: number }): Promise<{
    is: 'new' | 'used' | 'early';
  }> {
    if (this.#clock.now() - signedAt > this.coversMs) return { is: 'early' };
    if (this.#clock.monotonic() - this.#current.startedAt > this.#windowMs) this.#rotate();
    if (this.has(signature)) return { is: 'used' };
    this.#current.used.add(signature);
    this.#waiting.push(signature);
    this.#turn ??= immediate().then(() => this.#flush());
    await this.#turn;
    return { is: 'new' };
  }

  #flush(): void {
    this.#turn = null;
    if (this.#waiting.length > 0) this.#append(this.#waiting.join('\n'));
    this.#waiting = [];
  }

  /**
   * Remembers the signature of a request that the rate limit refused, so that an eavesdropper
   * cannot send it later. Only memory holds it, and at most `refusedMax` of them.
   */
  refuse({ signature }: { signature: string }): void {
    if (this.#current.refused++ < refusedMax) this.#current.used.add(signature);
  }

  #rotate(): void {
    this.#flush();
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
    this.#flush();
    closeSync(this.#file);
  }
}
