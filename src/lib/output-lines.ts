// Turns an output that comes in pieces into lines that a person can read. The output may be of a
// guest, which can print anything.

import { LineReader } from './line-reader.ts';
import { plainConsole } from './plain-console.ts';

const lineBytesMax = 16 * 1024;
/** A longer line is cut. */
const lineCharsMax = 1000;

/**
 * Returns a function that takes the pieces, and gives each line that has come to its end to
 * `onLine`: without what moves a cursor, and of a progress bar as it was left. Lines for which
 * `isHidden` holds are left out.
 */
export function outputLines(
  onLine: (line: string) => void,
  isHidden: (line: string) => boolean = () => false,
): (chunk: Buffer) => void {
  const reader = new LineReader(lineBytesMax);
  return (chunk) => {
    for (const line of reader.push(chunk)) {
      if (line === null) onLine(`… a line of more than ${lineBytesMax} bytes left out …`);
      else if (!isHidden(line)) onLine(shown(line));
    }
  };
}

function shown(line: string): string {
  const left = plainConsole(line)
    .split('\n')
    .findLast((part) => part !== '');
  return left === undefined || left.length <= lineCharsMax
    ? (left ?? '')
    : `${left.slice(0, lineCharsMax)}…`;
}
