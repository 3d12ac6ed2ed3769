// Makes text from a guest, a file or another caller safe for a terminal: no character in it moves
// the cursor, changes a title or a colour, rings, or reverses the following text.

import { charactersOf } from './characters.ts';

const hidden = charactersOf('terminal');

/** Escapes each such character as JSON does, so that JSON keeps its value. */
export const visible = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replaceAll(
      hidden,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
