// Room on the host's disk for the files of one call, whose sizes are known only when they are
// whole. The caller reserves it while they grow, so that calls which each fit, and together do not,
// do not fill the disk.

/** The files of a call take so much of the disk now. */
export interface Written {
  /** Files that are gone when the call ends. */
  scratchBytes: number;
  layerBytes: number;
}

export interface Room {
  /**
   * Reserves room for so many bytes in all, before the first is written. Throws `no_capacity` with
   * both numbers when there is none.
   */
  expect(bytes: number): Promise<void>;
  /**
   * Tells what is written, and reserves some room beyond that unless it is all (`isWhole`). Throws
   * `no_capacity` when the host has none, and the quota's error when the organisation may store no
   * more; the call has to end then. Call it again and again while files grow, never twice at the
   * same time.
   */
  wrote(written: Written, isWhole: boolean): Promise<void>;
}
