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

export interface Report {
  benchmark: string;
  rows: readonly Row[];
}

/** A report as a table of Markdown. */
export function table({ benchmark, rows }: Report): string {
  const columns = Object.keys(rows[0]?.values ?? {});
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const shown = (value: number | string | undefined) =>
    typeof value === 'number' ? rounded(value) : (value ?? '');
  return [
    line([benchmark, ...columns]),
    line(['---', ...columns.map(() => '--:')]),
    ...rows.map(({ what, values }) => line([what, ...columns.map((name) => shown(values[name]))])),
    '',
  ].join('\n');
}

/** Prints rows as a table of Markdown or, with `--json` among the arguments, as a line of JSON. */
export function report(benchmark: string, rows: readonly Row[]): void {
  const made = { benchmark, rows };
  process.stdout.write(process.argv.includes('--json') ? `${JSON.stringify(made)}\n` : table(made));
}
