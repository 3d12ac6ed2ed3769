// A register: one value that calls write and read. A read is explained when a call that began
// before the read ended wrote its value, and no call wholly between the two overwrote it.

/**
 * The two moments between which a call took effect, in ms on a clock that never goes back. A call
 * that was repeated until it was answered spans all of its attempts.
 */
export interface Interval {
  invokedAt: number;
  completedAt: number;
}

/** The interval of the values from before the first call. */
export const origin: Interval = {
  invokedAt: Number.NEGATIVE_INFINITY,
  completedAt: Number.NEGATIVE_INFINITY,
};

export const before = (one: Interval, other: Interval) => one.completedAt < other.invokedAt;

export interface Write<Value> extends Interval {
  /** Undefined: it is not known which value was written. */
  value: Value | undefined;
  /** It wrote only if the register had this value. */
  onlyOver?: Value;
  /** It is not known whether it wrote at all. */
  maybe?: true;
  what: string;
}
export interface Read<Value> extends Interval {
  value: Value;
  what: string;
}

/**
 * Returns a sentence for each read of one register that no order of the writes explains. `writes`
 * has the initial value, too.
 */
export function unexplained<Value>(
  register: string,
  writes: Write<Value>[],
  reads: Read<Value>[],
): string[] {
  return reads.flatMap((read) => {
    const candidates = writes.filter(
      (write) =>
        (write.value === undefined || write.value === read.value) &&
        write.invokedAt < read.completedAt,
    );
    const holds = candidates.some(
      (write) =>
        !writes.some(
          (other) =>
            other !== write &&
            other.value !== undefined &&
            !other.maybe &&
            other.value !== read.value &&
            (other.onlyOver === undefined || other.onlyOver === read.value) &&
            before(write, other) &&
            before(other, read),
        ),
    );
    return holds ? [] : [`${register}: ${read.what} saw ${read.value}, which nothing explains`];
  });
}
