// Text from a guest, a file or another caller, so that a terminal shows it and does nothing else:
// no character in it moves the cursor, changes a title or a colour, rings, or turns round what
// follows.

import { charactersOf } from './characters.ts';

const hidden = charactersOf('terminal');

/** Each such character as JSON may write it: what was JSON stays the same JSON. */
export const visible = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replaceAll(
      hidden,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
