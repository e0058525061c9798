/** How far a model has come on its way into memory. */
export interface LoadStep {
  readonly phase: LoadPhase;
  /** Of this phase, 0 to 1; undefined where nobody knows how much there is. */
  readonly share: number | undefined;
  readonly doneBytes?: number;
  readonly totalBytes?: number;
}

/** Preparing is everything once the weights are in memory: the context, its first step, and counting threads. */
export type LoadPhase = "downloading" | "loading" | "preparing";

/** What was last heard of a model on its way. */
export class LoadProgress {
  #step: LoadStep = { phase: "loading", share: undefined };
  readonly #listeners: ((step: LoadStep) => void)[] = [];

  get step(): LoadStep {
    return this.#step;
  }

  onStep(listener: (step: LoadStep) => void): void {
    this.#listeners.push(listener);
  }

  /** A total of 0 is one that the other side does not tell. */
  downloaded(doneBytes: number, totalBytes: number): void {
    const known = totalBytes > 0;
    this.#tell({
      phase: "downloading",
      share: known ? Math.min(1, doneBytes / totalBytes) : undefined,
      doneBytes,
      ...(known && { totalBytes }),
    });
  }

  loaded(share: number): void {
    if (share < 1) this.#tell({ phase: "loading", share });
    else this.#tell({ phase: "preparing", share: undefined });
  }

  #tell(step: LoadStep): void {
    this.#step = step;
    for (const listener of this.#listeners) listener(step);
  }
}
