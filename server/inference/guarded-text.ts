/**
 * Marks the places where a text that somebody typed spells out one of a model's special tokens, so that once it
 * stands within a rendered template the tokenizer can be kept from reading it as that token.
 *
 * The template's own text must be read with special tokens, and what it does to the users' texts (escaping them as
 * JSON, trimming, joining) is its own affair. A mark within each spelled-out token comes through all of that.
 */
export class TextGuard {
  readonly #mark: string;

  /** The mark must not occur in any of the texts, which are all to be found in `everything`. */
  constructor(everything: string) {
    let mark = MARK_LETTER;
    while (everything.includes(mark)) mark += MARK_LETTER;
    this.#mark = mark;
  }

  /** `spellings` finds the beginnings of special tokens, as `spellingsOf` makes it. */
  guard(text: string, spellings: RegExp): string {
    // After the first character: both halves are then pieces that are no token's spelling.
    return text.replace(spellings, (first) => first + this.#mark);
  }

  /** The same for all texts within a JSON value, names of members included. */
  guardValue(value: unknown, spellings: RegExp): unknown {
    if (typeof value === "string") return this.guard(value, spellings);
    if (Array.isArray(value)) return value.map((item) => this.guardValue(item, spellings));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        this.guard(key, spellings),
        this.guardValue(item, spellings),
      ]),
    );
  }

  /** Pieces that are to be tokenized each for itself. */
  pieces(rendered: string): string[] {
    return rendered.split(this.#mark).filter((piece) => piece !== "");
  }
}

/** Matches the first character of every place where one of the tokens is spelled out, overlapping or not. */
export function spellingsOf(tokens: readonly string[]): RegExp {
  // Sorted, so that the engine tries what tokens have in common only once.
  const spellings = tokens.filter((token) => [...token].length > 1).toSorted();
  if (spellings.length === 0) return /(?!)/g;
  const alternatives = spellings.map((token) => token.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return new RegExp(`(?=${alternatives.join("|")})[^]`, "gu");
}

/** For private use, so no text has it by right; where one does, the mark is made longer than its longest row. */
const MARK_LETTER = "\ue000";
