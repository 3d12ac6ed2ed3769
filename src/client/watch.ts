// The time-out of a request.

/** The longest time that a timer of JavaScript takes. */
const timerMsMax = 2 ** 31 - 1;

/**
 * A signal that ends a request when the caller's does, or when nothing has been `heard` for so
 * long. Its reason is then a TimeoutError. `end` stops the watch.
 */
export function watch(timeoutMs: number, caller: AbortSignal | undefined) {
  const late = new AbortController();
  const begin = () =>
    setTimeout(
      () => late.abort(new DOMException('nothing was heard in time', 'TimeoutError')),
      Math.min(timeoutMs, timerMsMax),
    );
  let timer = begin();
  return {
    signal: caller ? AbortSignal.any([caller, late.signal]) : late.signal,
    heard() {
      clearTimeout(timer);
      timer = begin();
    },
    end: () => clearTimeout(timer),
  };
}
