/** What an answer turned out to be, piece by piece. */
export type AnswerPiece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "call"; readonly index: number; readonly name: string }
  /** JSON as the model wrote it; the pieces of one call together are its arguments. */
  | { readonly kind: "arguments"; readonly index: number; readonly json: string };

export interface ToolCallReaderOptions {
  /** After so many calls others are text; any number if undefined. */
  readonly most?: number | undefined;
  /** The answer's format has nothing but calls: what is left of one that was cut off is no text. */
  readonly onlyCalls?: boolean;
}

/**
 * Finds calls of tools, `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, in a text that arrives in pieces.
 * A call is told as soon as its name is known and its arguments as they come. What looks like a call and is none,
 * or one of a tool that is not there, is told as the text that it is.
 */
export class ToolCallReader {
  readonly #names: ReadonlySet<string>;
  readonly #most: number;
  readonly #onlyCalls: boolean;
  #state: "text" | "head" | "arguments" | "tail" = "text";
  #held = "";
  #calls = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(names: Iterable<string>, options: ToolCallReaderOptions = {}) {
    this.#names = new Set(names);
    this.#most = options.most ?? Number.POSITIVE_INFINITY;
    this.#onlyCalls = options.onlyCalls ?? false;
  }

  /** How many calls there were so far. */
  get calls(): number {
    return this.#calls;
  }

  push(piece: string): AnswerPiece[] {
    this.#held += piece;
    const pieces: AnswerPiece[] = [];
    while (this.#advance(pieces)) {}
    return pieces;
  }

  /** What was held back when the text came to its end. */
  flush(): AnswerPiece[] {
    const text = this.#held;
    this.#held = "";
    const complete = this.#state === "head" ? parseCall(text.slice(OPEN.length), this.#names) : undefined;
    if (complete !== undefined) return this.#whole(complete);
    const rest = this.#state === "tail" || (this.#calls > 0 && text.trim() === "") ? "" : text;
    return rest === "" || this.#onlyCalls ? [] : [{ kind: "text", text: rest }];
  }

  /** Takes one thing out of what is held; false if more has to come first. */
  #advance(pieces: AnswerPiece[]): boolean {
    switch (this.#state) {
      case "text":
        return this.#readText(pieces);
      case "head":
        return this.#readHead(pieces);
      case "arguments":
        return this.#readArguments(pieces);
      case "tail":
        return this.#readTail();
      default:
        return this.#state satisfies never;
    }
  }

  #readText(pieces: AnswerPiece[]): boolean {
    const open = this.#calls < this.#most ? this.#held.indexOf(OPEN) : -1;
    const end = open >= 0 ? open : this.#held.length - overlap(this.#held, OPEN);
    // White space before a call only sets it apart, so it waits for what comes.
    const text = this.#held.slice(0, end).trimEnd();
    this.#held = this.#held.slice(open >= 0 ? open : text.length);
    if (open >= 0) this.#state = "head";
    if (text !== "") pieces.push({ kind: "text", text });
    return open >= 0;
  }

  #readHead(pieces: AnswerPiece[]): boolean {
    const body = this.#held.slice(OPEN.length);
    const head = HEAD.exec(body);
    const name = head === null ? undefined : parseName(head[1]!);
    if (head !== null && name !== undefined && this.#names.has(name)) {
      pieces.push({ kind: "call", index: this.#calls++, name });
      this.#held = body.slice(head[0].length);
      this.#state = "arguments";
      this.#depth = 0;
      return true;
    }
    const close = this.#held.indexOf(CLOSE);
    if (close < 0) return false;
    // Written in another order, or no call at all.
    const call = parseCall(this.#held.slice(OPEN.length, close), this.#names);
    if (call !== undefined) pieces.push(...this.#whole(call));
    else pieces.push({ kind: "text", text: this.#held.slice(0, close + CLOSE.length) });
    this.#held = this.#held.slice(close + CLOSE.length);
    this.#state = "text";
    return true;
  }

  #readArguments(pieces: AnswerPiece[]): boolean {
    const end = this.#endOfArguments();
    const json = this.#held.slice(0, end ?? this.#held.length);
    this.#held = this.#held.slice(json.length);
    if (json !== "") pieces.push({ kind: "arguments", index: this.#calls - 1, json });
    if (end === undefined) return false;
    this.#state = "tail";
    return true;
  }

  /** Where the object that the arguments are ends within what is held. */
  #endOfArguments(): number | undefined {
    for (let index = 0; index < this.#held.length; index++) {
      const letter = this.#held[index]!;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (letter === "\\") this.#escaped = true;
        else if (letter === '"') this.#inString = false;
      } else if (letter === '"') this.#inString = true;
      else if (letter === "{" || letter === "[") this.#depth++;
      else if ((letter === "}" || letter === "]") && --this.#depth === 0) return index + 1;
    }
    return undefined;
  }

  #readTail(): boolean {
    const close = this.#held.indexOf(CLOSE);
    if (close < 0) return false;
    this.#held = this.#held.slice(close + CLOSE.length);
    this.#state = "text";
    return true;
  }

  #whole({ name, json }: { readonly name: string; readonly json: string }): AnswerPiece[] {
    const index = this.#calls++;
    return [
      { kind: "call", index, name },
      { kind: "arguments", index, json },
    ];
  }
}

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";
const HEAD = /^\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(?=\{)/;

function parseName(json: string): string | undefined {
  try {
    return JSON.parse(json) as string;
  } catch {
    return undefined;
  }
}

function parseCall(text: string, names: ReadonlySet<string>) {
  try {
    const { name, arguments: given } = JSON.parse(text) as { name: unknown; arguments: unknown };
    if (typeof name !== "string" || !names.has(name)) return undefined;
    // Some models write the arguments as a text that is JSON.
    const value: unknown = typeof given === "string" ? JSON.parse(given) : given;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return { name, json: JSON.stringify(value) };
  } catch {
    return undefined;
  }
}

/** Length of the longest beginning of `word` that `text` ends with. */
function overlap(text: string, word: string): number {
  for (let length = Math.min(text.length, word.length - 1); length > 0; length--) {
    if (text.endsWith(word.slice(0, length))) return length;
  }
  return 0;
}
