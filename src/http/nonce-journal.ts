// The nonces that keys have used within the window, in memory and in an append-only file, so that a replay is refused after a restart
// too. An append costs no fsync: a kill of the server forgets nothing, a power cut may forget the last moments. A request that changes
// state therefore records its nonce in its own transaction as well.
//
// Two generations: the current file and the one before. When the current one is as old as a nonce can be good for, it becomes the
// one before, and that is forgotten.

import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

interface Generation {
  startedAt: number;
  used: Set<string>;
}

export class NonceJournal {
  readonly #path: string;
  readonly #windowMs: number;
  readonly #now: () => number;
  #current: Generation;
  #previous: Generation | null;
  #file: number;

  constructor(dataDir: string, windowMs: number, now: () => number) {
    this.#path = join(dataDir, 'nonces');
    this.#windowMs = windowMs;
    this.#now = now;
    this.#previous = this.#load(`${this.#path}.1`);
    this.#current = this.#load(`${this.#path}.0`) ?? { startedAt: now(), used: new Set() };
    this.#file = openSync(`${this.#path}.0`, 'a', 0o600);
    if (this.#current.used.size === 0) writeSync(this.#file, `${this.#current.startedAt}\n`);
  }

  #load(path: string): Generation | null {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      return null;
    }
    const [first = '', ...lines] = text.split('\n');
    return { startedAt: Number(first) || this.#now(), used: new Set(lines.filter((line) => line !== '')) };
  }

  /** False when the key has used the nonce within the window. */
  use(key: string, nonce: string): boolean {
    // Also when the clock went back: a generation of the future would never end.
    if (Math.abs(this.#now() - this.#current.startedAt) > this.#windowMs) this.#rotate();
    const entry = `${key}:${nonce}`;
    if (this.#current.used.has(entry) || this.#previous?.used.has(entry)) return false;
    this.#current.used.add(entry);
    writeSync(this.#file, `${entry}\n`);
    return true;
  }

  #rotate(): void {
    closeSync(this.#file);
    rmSync(`${this.#path}.1`, { force: true });
    renameSync(`${this.#path}.0`, `${this.#path}.1`);
    this.#previous = this.#current;
    this.#current = { startedAt: this.#now(), used: new Set() };
    this.#file = openSync(`${this.#path}.0`, 'a', 0o600);
    writeSync(this.#file, `${this.#current.startedAt}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}
