import type { Clock } from "../../src/clock.ts";

/** Time that moves only when a test says so; what is due then happens in order. */
export class FakeClock implements Clock {
  readonly startedAtMs = Date.UTC(2026, 0, 1);
  readonly origin = { monotonicNs: 0n, startedAtMs: this.startedAtMs };
  #nowNs = 0;
  readonly #due = new Set<{ readonly atNs: number; readonly wake: () => void }>();

  now(): number {
    return this.#nowNs;
  }

  sleepUntil(atNs: number, signal?: AbortSignal): Promise<void> {
    if (atNs <= this.#nowNs || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.alarm(atNs, resolve);
      signal?.addEventListener("abort", () => {
        cancel();
        resolve();
      });
    });
  }

  alarm(atNs: number, callback: () => void): () => void {
    const entry = { atNs, wake: callback };
    this.#due.add(entry);
    return () => this.#due.delete(entry);
  }

  /** Time goes by in which nobody is woken, as when the event loop is held up. */
  moveTo(toNs: number): void {
    this.#nowNs = Math.max(this.#nowNs, toNs);
  }

  /** Moves on to `toNs`, waking what is due on the way and letting what it starts settle. */
  async advanceTo(toNs: number): Promise<void> {
    await settle();
    for (;;) {
      const next = [...this.#due].toSorted((a, b) => a.atNs - b.atNs)[0];
      if (next === undefined || next.atNs > toNs) break;
      this.#due.delete(next);
      this.#nowNs = Math.max(this.#nowNs, next.atNs);
      next.wake();
      await settle();
    }
    this.#nowNs = toNs;
    await settle();
  }
}

/** Lets every promise that can settle do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
