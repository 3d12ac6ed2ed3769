// Text from a guest, a file or another caller, so that a terminal shows it and does nothing else:
// no character in it moves the cursor, changes a title or a colour, rings, or turns round what
// follows.

/**
 * Control characters, halves of characters, other ends of lines, marks of direction, and what has
 * no width; not the joiners of scripts.
 */
const hidden =
  /(?![\n\t])[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/** Each such character as JSON may write it: what was JSON stays the same JSON. */
export const visible = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replaceAll(
      hidden,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
