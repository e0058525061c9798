/** A part of what a model says: what it thinks, or what it has to say. */
export type Said = { readonly thinking: string } | { readonly content: string };

const OPEN = "<think>";
const CLOSE = "</think>";

/** Parts text at `<think>` and `</think>`, wherever its pieces were cut. */
export class ThinkSplitter {
  #inside = false;
  /** What may be the beginning of a mark. */
  #held = "";

  *push(text: string): Generator<Said> {
    let rest = this.#held + text;
    this.#held = "";
    for (;;) {
      const mark = this.#inside ? CLOSE : OPEN;
      const at = rest.indexOf(mark);
      if (at === -1) break;
      yield* this.#said(rest.slice(0, at));
      rest = rest.slice(at + mark.length);
      this.#inside = !this.#inside;
    }
    const held = begunMark(rest, this.#inside ? CLOSE : OPEN);
    this.#held = rest.slice(rest.length - held);
    yield* this.#said(rest.slice(0, rest.length - held));
  }

  /** At the end a begun mark is text. */
  *flush(): Generator<Said> {
    yield* this.#said(this.#held);
    this.#held = "";
  }

  *#said(text: string): Generator<Said> {
    if (text !== "") yield this.#inside ? { thinking: text } : { content: text };
  }
}

/** How many of the last characters could be the first ones of the mark. */
function begunMark(text: string, mark: string): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length--) {
    if (mark.startsWith(text.slice(-length))) return length;
  }
  return 0;
}
