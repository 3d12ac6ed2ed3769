// The lines that a build prints, as events while it runs. What is kept for good is the output that
// the engine returns at the end of the step; these lines let people watch. So lines may be left out
// when there are too many, and a failure to write them is no failure of the build.

import type { EventFacts } from '../domain/event.ts';
import type { ImageId } from '../domain/ids.ts';
import type { Writer } from '../store/port/unit-of-work.ts';
import type { JobContext } from './job.ts';

/** Lines are written at most so often. */
const everyMs = 1000;
/** The most characters of lines in one event, and of all lines of one step. */
const eventCharsMax = 8 * 1024;
const stepCharsMax = 256 * 1024;

export class BuildLog {
  readonly #write: JobContext['write'];
  readonly #imageId: ImageId;
  readonly #facts: EventFacts;
  #lines: string[] = [];
  #chars = 0;
  #stepChars = 0;
  #leftOut = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** `facts` name the step. */
  constructor(write: JobContext['write'], imageId: ImageId, facts: EventFacts) {
    this.#write = write;
    this.#imageId = imageId;
    this.#facts = facts;
  }

  readonly add = (line: string): void => {
    const chars = line.length + 1;
    if (this.#chars + chars > eventCharsMax || this.#stepChars + chars > stepCharsMax)
      this.#leftOut++;
    else {
      this.#lines.push(line);
      this.#chars += chars;
      this.#stepChars += chars;
    }
    this.#timer ??= setTimeout(() => {
      const facts = this.#taken();
      this.#writing = this.#write((work) => work.events.addLog(this.#imageId, facts)).catch(
        () => {},
      );
    }, everyMs);
  };

  /** Resolves when nothing is being written; then returns the rest, for the end of the step. */
  async end(): Promise<(work: Writer, ended: EventFacts) => Promise<void>> {
    await this.#writing;
    const facts = this.#taken();
    return (work, ended) => work.events.addLog(this.#imageId, { ...facts, ...ended });
  }

  #taken(): EventFacts {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const left = this.#leftOut > 0 ? [`… ${this.#leftOut} lines left out …`] : [];
    const lines = [...this.#lines, ...left];
    this.#lines = [];
    this.#chars = 0;
    this.#leftOut = 0;
    return { ...this.#facts, lines };
  }
}
