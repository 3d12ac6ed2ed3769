// The log of an image that was made before, as events without ids. A follower may take it slowly or
// not at all, so its outputs are read in pieces, each when the follower has taken the one before.

import type { EventFacts } from '../domain/event.ts';
import type { ImageId } from '../domain/ids.ts';
import type { ListedStep } from '../domain/image.ts';
import { outputLines } from '../lib/output-lines.ts';
import { looseFrame } from './event-frame.ts';

/** So much of an output is read at once, and is in memory for each follower. */
const pieceCharsMax = 16 * 1024;
const frameCharsMax = 8 * 1024;

export interface Log {
  imageId: ImageId;
  steps: readonly Omit<ListedStep, 'softwareId' | 'durationMs'>[];
  report: string | null;
}

/** Reads a part of a step's output, as the store does. */
type ReadOutput = (position: number, from: number, most: number) => Promise<string>;

export async function* logFrames(
  { imageId, steps, report }: Log,
  read: ReadOutput,
): AsyncGenerator<string> {
  const frame = (facts: EventFacts) => looseFrame('image.log', String(imageId), facts);
  for (const { position, name, cache, exitCode, outputChars } of steps) {
    const step = { position, software: name };
    const piece = (from: number) => read(position, from, pieceCharsMax);
    let last: string[] = [];
    for await (const lines of linesIn(outputChars, piece)) {
      if (last.length > 0) yield frame({ ...step, lines: last });
      last = lines;
    }
    yield frame({ ...step, lines: last, cache, exitCode });
  }
  if (report === null) return;
  const piece = async (from: number) => report.slice(from, from + pieceCharsMax);
  for await (const lines of linesIn(report.length, piece)) yield frame({ lines });
}

/** The lines of a text that is read in pieces, as many together as one event has. */
async function* linesIn(
  chars: number,
  read: (from: number) => Promise<string>,
): AsyncGenerator<string[]> {
  let all: string[] = [];
  const push = outputLines((line) => all.push(line));
  let isAtStart = true;
  for (let from = 0; from < chars; from += pieceCharsMax) {
    const text = await read(from);
    isAtStart = text.endsWith('\n');
    push(Buffer.from(text));
    yield* framed(all);
    all = [];
  }
  if (!isAtStart) push(Buffer.from('\n'));
  yield* framed(all);
}

function* framed(all: readonly string[]): Generator<string[]> {
  let [lines, chars]: [string[], number] = [[], 0];
  for (const line of all) {
    if (chars + line.length > frameCharsMax && lines.length > 0) {
      yield lines;
      [lines, chars] = [[], 0];
    }
    lines.push(line);
    chars += line.length + 1;
  }
  if (lines.length > 0) yield lines;
}
