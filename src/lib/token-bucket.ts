// Token buckets, one for each name. `perSecond` tokens are added each second, up to `burst`; each
// request takes one.

export class TokenBuckets {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /** `perSecond` 0 means no limit. */
  constructor(perSecond: number, burst = 2 * perSecond) {
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /**
   * Takes a token and returns 0; when there is none, returns the ms until there is one. `now` is in
   * ms. A clock that goes back adds no tokens.
   */
  take(name: string, now: number): number {
    if (this.#perSecond === 0) return 0;
    const { tokens, at } = this.#buckets.get(name) ?? { tokens: this.#burst, at: now };
    const left = Math.min(this.#burst, tokens + (Math.max(0, now - at) / 1000) * this.#perSecond);
    const taken = left >= 1;
    this.#buckets.set(name, { tokens: taken ? left - 1 : left, at: now });
    return taken ? 0 : Math.ceil(((1 - left) / this.#perSecond) * 1000);
  }
}
