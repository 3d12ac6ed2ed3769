// Finds the words that a mistyped one may stand for. Commander does so for commands and options;
// this does it for names.

const distanceMax = 3;
const shownMax = 3;
const lengthMax = 100;

/** How many letters differ: added, left out, changed, or swapped with their neighbour. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const changed = a[i - 1] === b[j - 1] ? 0 : 1;
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        at(i - 1, j) + 1,
        at(i, j - 1) + 1,
        at(i - 1, j - 1) + changed,
        isSwapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
  }
  return at(a.length, b.length);
}

/** The nearest of the words, without regard to case; none that shares less than half of it. */
export function similar(word: string, among: readonly string[]): string[] {
  const meant = word.toLowerCase();
  if (meant.length > lengthMax) return [];
  const near = [...new Set(among)]
    .filter((one) => one.length <= lengthMax)
    .map((one) => ({ one, far: distance(meant, one.toLowerCase()) }))
    .filter(({ one, far }) => far <= distanceMax && far * 2 <= Math.max(one.length, word.length));
  const least = Math.min(...near.map(({ far }) => far));
  return near
    .filter(({ far }) => far === least)
    .map(({ one }) => one)
    .slice(0, shownMax);
}

/** A question to put behind a message; empty when nothing is near. */
export function didYouMean(word: string, among: readonly string[]): string {
  const near = similar(word, among).map((one) => JSON.stringify(one));
  return near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
}
