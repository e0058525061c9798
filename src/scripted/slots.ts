/** Computes so many requests at once; the others wait in the order in which they came. */
export class Slots {
  readonly #capacity: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Calls `start` when there is room; gives what takes the request out, whether it waits or runs. */
  enter(start: () => void): () => void {
    let inside = false;
    const begin = () => {
      inside = true;
      this.#running++;
      start();
    };
    if (this.#running < this.#capacity) begin();
    else this.#waiting.add(begin);
    return () => {
      this.#waiting.delete(begin);
      if (!inside) return;
      inside = false;
      this.#running--;
      const [next] = this.#waiting;
      if (next === undefined) return;
      this.#waiting.delete(next);
      next();
    };
  }
}
