// Text that is shown as it is: a name in a list, in a terminal or in a log. What nobody sees, and
// what changes how the text beside it is shown, has no place in it. Two invisible characters have
// one: the joiners of emoji and of scripts that join, between what they join, and a variation
// selector after what it selects; so have the tags of a flag.

/** What is not seen, moves the cursor, or turns round what follows. */
export const unseen =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu;

/**
 * In Latin, Greek and Cyrillic nothing joins: there a joiner would only make two names look alike.
 */
const joined =
  '(?<=[[\\p{L}\\p{M}\\p{Extended_Pictographic}\\p{Emoji_Modifier}]--[\\p{sc=Latin}\\p{sc=Greek}\\p{sc=Cyrillic}]])[\\u200c\\u200d](?=[^\\s\\p{DI}])';
const selected = '(?<=[^\\s\\p{DI}])\\p{Variation_Selector}';
const flag = '(?<=\\u{1f3f4})[\\u{e0030}-\\u{e0039}\\u{e0061}-\\u{e007a}]{1,30}\\u{e007f}';
const belonging = new RegExp(`${joined}|${selected}|${flag}`, 'gv');

/** What keeps a text from being shown as it is; null: nothing. */
export function unseenIn(text: string): string | null {
  const found = text.replaceAll(belonging, '').match(unseen)?.[0];
  if (found === undefined) return null;
  return `holds the character U+${found.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}, which is not shown`;
}

/** What is wrong with a name; null: nothing. Its length is the business of whoever asks. */
export function nameFault(text: string): string | null {
  return /^\s|\s$/u.test(text) ? 'begins or ends with a space' : unseenIn(text);
}
