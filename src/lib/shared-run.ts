// Shares the result of a read among callers who ask for the same at the same time. A caller never
// gets the result of a read that began before it asked, so everybody sees what was true when they
// asked or later.

interface Running<Value> {
  now: Promise<Value>;
  /** Begins when `now` has ended; callers may join it until then. */
  next: Promise<Value> | null;
}

export class SharedRun<Value> {
  readonly #running = new Map<string, Running<Value>>();

  /** Runs `read`, or joins the next run of the same key when one has begun before. */
  run(key: string, read: () => Promise<Value>): Promise<Value> {
    const running = this.#running.get(key);
    if (running) {
      running.next ??= running.now.then(
        () => this.#begin(key, read),
        () => this.#begin(key, read),
      );
      return running.next;
    }
    return this.#begin(key, read);
  }

  #begin(key: string, read: () => Promise<Value>): Promise<Value> {
    const running: Running<Value> = { now: read(), next: null };
    this.#running.set(key, running);
    const end = () => {
      if (running.next === null) this.#running.delete(key);
    };
    running.now.then(end, end);
    return running.now;
  }
}
