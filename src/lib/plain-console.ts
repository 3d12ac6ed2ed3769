// A console's text as a person reads it: without the sequences that move a terminal's cursor, and
// without characters that are not shown.

import { charactersOf } from './characters.ts';

/** The most characters of a guest's output that are read, because a guest may print any amount. */
const charsMax = 16_384;

const sequences =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern is there to remove them
  /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[()][0-9A-Za-z]|.)/g;
const hidden = charactersOf('console');

/** The end of a console that may hold anything. */
export const plainConsole = (text: string): string =>
  text.slice(-charsMax).replaceAll(sequences, '').replaceAll(/\r\n?/g, '\n').replaceAll(hidden, '');
