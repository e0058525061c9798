import type { Clock } from "../clock.ts";
import { later } from "./later.ts";

/** Of what is made ahead, all together: prompts may be long, and there may be many. */
const MOST_CHARACTERS = 4_000_000;

/**
 * Things by their index, made ahead of their moment, so that making one delays nothing. What nobody had time to
 * make is made when it is wanted.
 */
export class Prepared<T extends { readonly body: string }> {
  readonly #make: (index: number) => T;
  readonly #soon: ReturnType<typeof later<number>>;
  /** Undefined where it is still to be made. */
  readonly #made = new Map<number, T | undefined>();
  #characters = 0;

  constructor(clock: Clock, make: (index: number) => T) {
    this.#make = make;
    this.#soon = later(clock, (index) => {
      // Nobody waits for what was taken meanwhile.
      if (this.#made.has(index)) this.makeNow(index);
    });
  }

  /** In a moment, where nothing else is to be done. */
  makeSoon(index: number): void {
    this.#made.set(index, undefined);
    this.#soon.add(index);
  }

  makeNow(index: number): void {
    if (this.#characters >= MOST_CHARACTERS || this.#made.get(index) !== undefined) return;
    const one = this.#make(index);
    this.#made.set(index, one);
    this.#characters += one.body.length;
  }

  take(index: number): T {
    const one = this.#made.get(index);
    this.#made.delete(index);
    if (one === undefined) return this.#make(index);
    this.#characters -= one.body.length;
    return one;
  }
}
