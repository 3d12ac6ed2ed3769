// The form in which names are searched. Names are kept in it beside the name itself: a change here
// needs a migration that writes them anew.

/**
 * The dotless i is a letter of its own but where Turkish is written, and searching knows no
 * language.
 */
const ownLetter = 'ı';

/**
 * Full case folding, as Unicode defines it for no language in particular: sigma equals final sigma,
 * ß equals ss. Each code point is folded by itself, so that a text is found in a name wherever it
 * stands there.
 */
export const fold = (text: string) =>
  [...text.normalize('NFC')]
    .map((letter) =>
      letter === ownLetter ? letter : letter.toLowerCase().toUpperCase().toLowerCase(),
    )
    .join('')
    // Folding takes some letters apart.
    .normalize('NFC');
