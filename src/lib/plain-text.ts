// Text that is shown as it is: a name in a list, in a terminal or in a log. It may have no
// invisible character and none that changes the display of the text beside it. Three kinds are
// allowed in their proper places: a joiner between the emoji or letters that it joins; a variation
// selector after its character; the tags of a flag.

import { charactersOf } from './characters.ts';

/** Matches a character that is invisible, moves the cursor, or reverses the following text. */
export const unseen = charactersOf('name');

/**
 * Nothing joins in Latin, Greek and Cyrillic, where a joiner would only make two names look alike.
 */
const joined =
  '(?<=[[\\p{L}\\p{M}\\p{Extended_Pictographic}\\p{Emoji_Modifier}]--[\\p{sc=Latin}\\p{sc=Greek}\\p{sc=Cyrillic}]])[\\u200c\\u200d](?=[^\\s\\p{DI}])';
const selected = '(?<=[^\\s\\p{DI}])\\p{Variation_Selector}';
const flag = '(?<=\\u{1f3f4})[\\u{e0030}-\\u{e0039}\\u{e0061}-\\u{e007a}]{1,30}\\u{e007f}';
const belonging = new RegExp(`${joined}|${selected}|${flag}`, 'gv');

/** Returns the reason why a text cannot be shown as it is; null when it can. */
export function unseenIn(text: string): string | null {
  const found = text.replaceAll(belonging, '').match(unseen)?.[0];
  if (found === undefined) return null;
  return `holds the character U+${found.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}, which is not shown`;
}

/** Returns the fault of a name; null when it has none. Callers check its length. */
export function nameFault(text: string): string | null {
  return /^\s|\s$/u.test(text) ? 'begins or ends with a space' : unseenIn(text);
}
