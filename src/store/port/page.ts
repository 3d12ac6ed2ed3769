// The pages of lists, newest first.

export interface PageFilter {
  /** From 1. */
  page: number;
  perPage: number;
  /** Instead of a page: the newest rows with lower ids, so that deleted rows move none. */
  before?: number | undefined;
}

export interface PageFound {
  /** The number of all matches, whatever the page. */
  count: number;
  /** Whether others follow the rows of the page. */
  more: boolean;
}
