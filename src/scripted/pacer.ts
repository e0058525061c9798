/** Something that has a next moment. */
export interface Paced {
  dueMs: number;
  /** Does what is due; true when it is due again, at a new `dueMs`. */
  step(): boolean;
}

/** The part of a pacer that what it paces sees. */
export interface Pace {
  /** Milliseconds of a clock that stands still while the server is stalled; deadlines are on it. */
  now(): number;
  /** Milliseconds of a clock that nothing stops. */
  wall(): number;
  readonly stalled: boolean;
  add(item: Paced): void;
}

/** Timers are a millisecond coarse; the last stretch before a deadline is waited out by turns of the loop. */
const COARSE_MS = 2;

/**
 * Wakes each item at its own absolute deadline, with one timer for all of them. Each comes at most once per
 * turn of the event loop, so that what it wrote can leave before it goes on.
 */
export class Pacer implements Pace {
  /** A binary heap, the earliest first. */
  readonly #heap: Paced[] = [];
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #armedForMs = Number.POSITIVE_INFINITY;
  #stall: { readonly fromMs: number; readonly toMs: number } | undefined;

  now(): number {
    const now = this.wall();
    if (this.#stall === undefined || now < this.#stall.fromMs) return now;
    return now < this.#stall.toMs ? this.#stall.fromMs : now - (this.#stall.toMs - this.#stall.fromMs);
  }

  wall(): number {
    return performance.now();
  }

  get stalled(): boolean {
    if (this.#stall === undefined) return false;
    const now = this.wall();
    return now >= this.#stall.fromMs && now < this.#stall.toMs;
  }

  stall(atMs: number, forMs: number): void {
    const fromMs = this.wall() + atMs;
    this.#stall = { fromMs, toMs: fromMs + forMs };
  }

  add(item: Paced): void {
    this.#push(item);
    this.#arm();
  }

  stop(): void {
    this.#disarm();
    this.#heap.length = 0;
  }

  readonly #wake = (): void => {
    this.#armedForMs = Number.POSITIVE_INFINITY;
    if (!this.stalled) {
      const now = this.now();
      const due: Paced[] = [];
      while (this.#heap.length > 0 && this.#heap[0]!.dueMs <= now) due.push(this.#pop());
      for (const item of due) if (item.step()) this.#push(item);
    }
    this.#arm();
  };

  #arm(): void {
    const next = this.#heap[0];
    if (next === undefined || next.dueMs >= this.#armedForMs) return;
    this.#disarm();
    this.#armedForMs = next.dueMs;
    const leftMs = this.#leftMs(next.dueMs);
    if (leftMs > COARSE_MS) this.#timer = setTimeout(this.#wake, leftMs - COARSE_MS);
    else this.#immediate = setImmediate(this.#wake);
  }

  #leftMs(dueMs: number): number {
    const stallMs = this.stalled ? this.#stall!.toMs - this.wall() : 0;
    return stallMs + dueMs - this.now();
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#armedForMs = Number.POSITIVE_INFINITY;
  }

  #push(item: Paced): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.dueMs <= item.dueMs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = item;
  }

  #pop(): Paced {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.dueMs < heap[child]!.dueMs) child++;
      if (heap[child]!.dueMs >= last.dueMs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
