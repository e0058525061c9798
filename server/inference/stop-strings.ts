/** Ends a text before the first of several strings, wherever the pieces it arrives in are cut. */
export class StopStrings {
  readonly #stops: readonly string[];
  #held = "";

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== "");
  }

  /** What may be shown so far; what could be the beginning of a stop string is held back. */
  push(piece: string): { readonly text: string; readonly stopped: boolean } {
    if (this.#stops.length === 0) return { text: piece, stopped: false };
    const text = this.#held + piece;
    let end = -1;
    for (const stop of this.#stops) {
      const index = text.indexOf(stop);
      if (index >= 0 && (end < 0 || index < end)) end = index;
    }
    if (end >= 0) {
      this.#held = "";
      return { text: text.slice(0, end), stopped: true };
    }
    const kept = Math.max(...this.#stops.map((stop) => overlap(text, stop)));
    this.#held = text.slice(text.length - kept);
    return { text: text.slice(0, text.length - kept), stopped: false };
  }

  /** What was held back when the text ended by itself. */
  flush(): string {
    const text = this.#held;
    this.#held = "";
    return text;
  }
}

/** Length of the longest beginning of `stop` that `text` ends with. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}
