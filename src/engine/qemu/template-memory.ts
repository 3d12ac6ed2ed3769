// The memory of templates that machines were started from lately: verified once, when it is loaded,
// and sealed since, so that nothing can change it. It takes memory of the host also while no
// machine uses it, so only some are kept, and the least recently used one goes first.

import { totalmem } from 'node:os';
import { AppError } from '../../domain/error.ts';
import type { TemplateId } from '../../domain/ids.ts';
import type { UsableTemplate } from '../optional/instant.ts';
import { loadMemory } from './memory-file.ts';
import type { Paths } from './paths.ts';
import { SharedMemory } from './shared-memory.ts';

/** Why a template cannot be used, as the end of a sentence. */
export class Unusable extends Error {}

const mib = 1024 ** 2;
const keptMax = 8;
/** Of the host's memory, counted by the size of the guests. */
const keptShare = 0.25;

const keyOf = (id: TemplateId, memorySha256: string) => `${id} ${memorySha256}`;

interface Kept {
  memory: Promise<SharedMemory>;
  bytes: number;
  /** The starts that use it at this moment. */
  users: number;
}

export class TemplateMemories {
  readonly #paths: Paths;
  readonly #bytesMax: number;
  /** The one that was used last comes last. */
  readonly #kept = new Map<string, Kept>();

  constructor(paths: Paths, bytesMax = totalmem() * keptShare) {
    this.#paths = paths;
    this.#bytesMax = bytesMax;
  }

  /**
   * Runs work with the descriptor of a template's memory. Throws an Error that says what is wrong
   * with the memory.
   */
  async using<Result>(
    { templateId, memorySha256, memoryMb }: UsableTemplate,
    work: (descriptor: number) => Promise<Result>,
  ): Promise<Result> {
    const key = keyOf(templateId, memorySha256);
    const bytes = memoryMb * mib;
    const kept = this.#kept.get(key) ?? {
      memory: this.#load(templateId, memorySha256, bytes),
      bytes,
      users: 0,
    };
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    kept.users++;
    try {
      return await work((await kept.memory).fd);
    } finally {
      kept.users--;
      await this.#release();
    }
  }

  /**
   * Seals memory of which the digest was just taken, and keeps it, so that the first start need not
   * load it. Throws while a process has it mapped for writing.
   */
  async keep(templateId: TemplateId, memorySha256: string, memory: SharedMemory): Promise<void> {
    await memory.seal();
    await this.forget(templateId);
    const { bytes } = memory;
    const kept = { memory: Promise.resolve(memory), bytes, users: 0 };
    this.#kept.set(keyOf(templateId, memorySha256), kept);
    await this.#release();
  }

  /** Lets go of a template that is removed. */
  async forget(id: TemplateId): Promise<void> {
    for (const [key, kept] of this.#kept)
      if (key.startsWith(`${id} `) && kept.users === 0 && this.#kept.delete(key))
        await (await kept.memory.catch(() => null))?.close();
  }

  /** Closes what is kept. */
  async close(): Promise<void> {
    await this.#release(0);
  }

  async #load(id: TemplateId, sha256: string, bytes: number): Promise<SharedMemory> {
    const memory = await SharedMemory.make(bytes);
    try {
      const found = await loadMemory(this.#paths.template(id, 'memory'), memory);
      if (found !== sha256) throw new Error('its digest is another one');
      await memory.seal();
      return memory;
    } catch (error) {
      await memory.close();
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') throw new Unusable('the files of its template are missing');
      if (error instanceof AppError) throw error;
      throw new Unusable('the memory of its template is damaged', { cause: error });
    }
  }

  async #release(countMax = keptMax): Promise<void> {
    let left = [...this.#kept.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    for (const [key, kept] of this.#kept) {
      const memory = await kept.memory.catch(() => null);
      const isOver = this.#kept.size > countMax || left > this.#bytesMax;
      if (kept.users > 0 || (memory !== null && !isOver)) continue;
      if (!this.#kept.delete(key)) continue;
      left -= kept.bytes;
      await memory?.close();
    }
  }
}
