// A table of text: aligned by the width that a terminal gives each character, and made narrower
// where the terminal is too narrow for it.

export type Cell = string | number | boolean | null | undefined;

const gap = 2;
const widthMin = 4;
/** Characters that take two places: those of East Asia, and emoji. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u;
/** Characters that take none: accents, joiners, selectors. */
const narrow = /[\p{M}\p{Cf}]/u;
const plain = /^[\x20-\x7e]*$/;

/** How many places of a terminal a text takes. */
export function widthOf(text: string): number {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const one of text) width += narrow.test(one) ? 0 : wide.test(one) ? 2 : 1;
  return width;
}

/** The text in at most so many places; an ellipsis stands for what was cut off. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let [kept, left] = ['', width - 1];
  for (const one of text) {
    left -= widthOf(one);
    if (left < 0) break;
    kept += one;
  }
  return width > 0 ? `${kept}…` : '';
}

/** The first line of a text, with a mark when there are more. */
const firstLine = (text: string) => text.replace(/:?\n[\s\S]*$/, ' …');

/**
 * Takes places from the widest columns until all fit, but never from the first, which is the id.
 */
function fitted(widths: readonly number[], columns: number): number[] {
  const fits = [...widths];
  const total = () => fits.reduce((sum, one) => sum + one + gap, -gap);
  for (let over = total() - columns; over > 0; over--) {
    const widest = Math.max(...fits.slice(1));
    if (widest <= widthMin) break;
    fits[fits.lastIndexOf(widest)] = widest - 1;
  }
  return fits;
}

/** The rows below their headings. `columns` is the width of the terminal; without it, any width. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  columns: number = Number.POSITIVE_INFINITY,
): string {
  const text = [headings, ...rows].map((row) =>
    row.map((cell) => (cell === null || cell === undefined ? '-' : firstLine(String(cell)))),
  );
  const widest = headings.map((_, column) =>
    text.reduce((most, row) => Math.max(most, widthOf(row[column] ?? '')), 0),
  );
  const widths = Number.isFinite(columns) ? fitted(widest, columns) : widest;
  const cell = (given: string, column: number) => {
    const width = widths[column] ?? 0;
    const short = cut(given, width);
    return short + ' '.repeat(width - widthOf(short));
  };
  return text
    .map((row) => row.map(cell).join(' '.repeat(gap)).trimEnd())
    .map((line) => (Number.isFinite(columns) ? cut(line, columns) : line))
    .join('\n');
}
