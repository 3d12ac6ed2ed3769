// A stack of undo steps, for work that must happen as a whole or not at all: add a step after each
// thing that was done; when a later thing fails, all steps run.

export class Revert {
  #steps: (() => Promise<unknown> | unknown)[] = [];

  add(step: () => Promise<unknown> | unknown): void {
    this.#steps.push(step);
  }

  /**
   * Runs `work`. When it throws, runs the steps that it added, the last one first, and throws its
   * error. A step that fails does not stop the others.
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
          // The next sweep removes the remains of a step that could not be undone.
        }
      }
      throw error;
    }
  }
}
