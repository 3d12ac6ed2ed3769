// Text that is shown as it is: a name in a list, in a terminal or in a log. It may have no
// character that is not seen or that changes how the text beside it is shown. Three kinds are
// allowed where they belong: a joiner of emoji or of a script that joins, between what it joins; a
// variation selector, after what it selects; the tags of a flag.

import { charactersOf } from './characters.ts';

/** Each character that is not seen, moves the cursor, or turns round what follows. */
export const unseen = charactersOf('name');

/**
 * Nothing joins in Latin, Greek and Cyrillic, where a joiner would only make two names look alike.
 */
const joined =
  '(?<=[[\\p{L}\\p{M}\\p{Extended_Pictographic}\\p{Emoji_Modifier}]--[\\p{sc=Latin}\\p{sc=Greek}\\p{sc=Cyrillic}]])[\\u200c\\u200d](?=[^\\s\\p{DI}])';
const selected = '(?<=[^\\s\\p{DI}])\\p{Variation_Selector}';
const flag = '(?<=\\u{1f3f4})[\\u{e0030}-\\u{e0039}\\u{e0061}-\\u{e007a}]{1,30}\\u{e007f}';
const belonging = new RegExp(`${joined}|${selected}|${flag}`, 'gv');

/** Says what keeps a text from being shown as it is; null: nothing does. */
export function unseenIn(text: string): string | null {
  const found = text.replaceAll(belonging, '').match(unseen)?.[0];
  if (found === undefined) return null;
  return `holds the character U+${found.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}, which is not shown`;
}

/** Says what is wrong with a name; null: nothing is. Callers check its length. */
export function nameFault(text: string): string | null {
  return /^\s|\s$/u.test(text) ? 'begins or ends with a space' : unseenIn(text);
}
