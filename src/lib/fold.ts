// The form in which names are searched: without case. The store keeps the folded name beside the
// name itself, so a change here needs a migration that writes the folded names anew.

/** The dotless i equals i in Turkic languages only, and a search follows no language. */
const ownLetter = 'ı';

/**
 * Folds case fully, as Unicode defines it without a language: sigma equals final sigma, ß equals
 * ss. Each code point is folded by itself, so that a text is found anywhere in a name.
 */
export const fold = (text: string) =>
  [...text.normalize('NFC')]
    .map((letter) =>
      letter === ownLetter ? letter : letter.toLowerCase().toUpperCase().toLowerCase(),
    )
    .join('')
    // Folding splits some letters into a base and a mark; compose them again.
    .normalize('NFC');
