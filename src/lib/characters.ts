// Characters that a reader does not see, or that change how the text beside them is shown. One
// table states how each kind is treated in the three places that show text of others.

/**
 * `name`: a name with such a character is refused, because two names that differ must look
 * different. `terminal`: the character is printed as an escape, so that text from elsewhere cannot
 * move the cursor or hide text, and no byte of it is lost. `console`: the character is removed from
 * a guest's console output, which has many of them and is read for its words.
 */
type Use = 'name' | 'terminal' | 'console';

interface Kind {
  /** As in a character class of a regular expression with the flag `v`. */
  characters: string;
  /** The uses in which it is refused, escaped or removed; in the others it stays. */
  in: readonly Use[];
}

const kinds: readonly Kind[] = [
  // Ends of lines and tabs are wanted wherever a text may have more than one line.
  { characters: '\\n\\t', in: ['name'] },
  { characters: '[\\p{Cc}--[\\n\\t]]', in: ['name', 'terminal', 'console'] },
  // Embeddings and overrides of direction reverse the following text.
  { characters: '\\u202a-\\u202e\\u2066-\\u2069', in: ['name', 'terminal', 'console'] },
  // Marks of direction turn round their neighbours only, which harms no reason for a failure.
  { characters: '\\u061c\\u200e\\u200f', in: ['name', 'terminal'] },
  // Halves of characters, and ends of lines that terminals do not agree on.
  { characters: '\\p{Cs}\\p{Zl}\\p{Zp}', in: ['name', 'terminal'] },
  // Characters without a width that join nothing.
  { characters: '\\u200b\\u2060-\\u2065\\ufeff', in: ['name', 'terminal'] },
  // The rest that is not shown: joiners, selectors of variants, tags. Scripts and emoji need them,
  // so a terminal is given them, and names may have them where they belong (plain-text.ts).
  { characters: '\\p{Default_Ignorable_Code_Point}\\ufff9-\\ufffb', in: ['name'] },
  // The mark that something was no character: noise in a console, a fact elsewhere.
  { characters: '\\ufffd', in: ['console'] },
];

/** Matches each character that is refused, escaped or removed in a use. */
export const charactersOf = (use: Use): RegExp =>
  new RegExp(
    `[${kinds
      .filter((kind) => kind.in.includes(use))
      .map(({ characters }) => characters)
      .join('')}]`,
    'gv',
  );
