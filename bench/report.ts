// How benchmarks report: as a table, and as a line of JSON for programs.

export interface Row {
  what: string;
  /** The values, by the name of the column. */
  values: Record<string, number | string>;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

/** The distance of the extremes from each other, in parts of the median. */
export const spread = (values: readonly number[]): number =>
  (Math.max(...values) - Math.min(...values)) / median(values);

/** A number with three digits, or all of its digits before the point. */
export const rounded = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);

/** Writes rows as a table of Markdown and, with `--json` among the arguments, as JSON instead. */
export function report(benchmark: string, rows: readonly Row[]): void {
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ benchmark, rows })}\n`);
    return;
  }
  const columns = Object.keys(rows[0]?.values ?? {});
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  process.stdout.write(line([benchmark, ...columns]));
  process.stdout.write(line(['---', ...columns.map(() => '--:')]));
  for (const { what, values } of rows)
    process.stdout.write(
      line([
        what,
        ...columns.map((name) => {
          const value = values[name] ?? '';
          return typeof value === 'number' ? rounded(value) : value;
        }),
      ]),
    );
}
