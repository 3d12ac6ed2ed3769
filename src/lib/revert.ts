// A stack of undo steps that makes partial failure readable: add one after each thing done, and
// either keep all or undo all.

export class Revert {
  #steps: (() => Promise<unknown> | unknown)[] = [];

  add(step: () => Promise<unknown> | unknown): void {
    this.#steps.push(step);
  }

  /**
   * Runs `work`; when it throws, undoes what it added, last first. An undo that fails does not stop
   * the others.
   */
  static async around<Result>(work: (revert: Revert) => Promise<Result>): Promise<Result> {
    const revert = new Revert();
    try {
      return await work(revert);
    } catch (error) {
      for (const step of revert.#steps.reverse()) {
        try {
          await step();
        } catch {
          // What cannot be undone is found by the next sweep.
        }
      }
      throw error;
    }
  }
}
