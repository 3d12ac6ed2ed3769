// The search in names.

import { sql } from 'kysely';
import { fold } from '../../lib/fold.ts';

/**
 * Whether a folded name contains a text anywhere. `%`, `_` and `\` in the text stand for
 * themselves. No name has a NUL, so a text with one matches nothing: databases cut such a text
 * short or refuse it.
 */
export const contains = (text: string) => {
  if (text.includes('\0')) return sql<boolean>`1 = 0`;
  const pattern = `%${fold(text).replaceAll(/[\\%_]/g, '\\$&')}%`;
  return sql<boolean>`name_folded like ${pattern} escape '\\'`;
};
