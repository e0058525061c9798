import { distance } from "fastest-levenshtein";
import { parseDuration } from "../units.ts";

export const OPS = ["<=", ">=", "<", ">"] as const;
export type Op = (typeof OPS)[number];

/** Where a line stops making sense, and what would. Columns count from 0. */
export class SyntaxMistake extends Error {
  readonly column: number;
  constructor(column: number, message: string) {
    super(message);
    this.column = column;
  }
}

/** Reads one line of the language of objectives, word by word. */
export class Scanner {
  readonly text: string;
  position = 0;

  constructor(text: string) {
    this.text = text;
    this.#skipSpace();
  }

  fail(column: number, message: string): never {
    throw new SyntaxMistake(column, message);
  }

  match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.position;
    const match = pattern.exec(this.text);
    if (!match) return undefined;
    this.position = pattern.lastIndex;
    this.#skipSpace();
    return match;
  }

  word(expected: string): string {
    const match = this.match(/[A-Za-z_][A-Za-z0-9_]*(?:\.\d+)?/y);
    return match
      ? match[0].toLowerCase()
      : this.fail(this.position, `expected ${expected}, found ${this.#found()}.`);
  }

  /** Whether the next word is "regression"; no other word can follow a metric. */
  regression(): boolean {
    const at = this.position;
    const word = this.match(/[A-Za-z_]+/y)?.[0];
    if (word === undefined || word.toLowerCase() === "regression") return word !== undefined;
    this.position = at;
    const near = distance(word.toLowerCase(), "regression") <= 4;
    return near ? this.fail(at, `"${word}" is no word of this language; did you mean regression?`) : false;
  }

  op(): Op {
    const match = this.match(/<=|>=|<|>/y);
    return match
      ? (match[0] as Op)
      : this.fail(this.position, `expected <, <=, > or >=, found ${this.#found()}.`);
  }

  expect(text: string): void {
    if (!this.text.startsWith(text, this.position)) {
      this.fail(this.position, `expected "${text}", found ${this.#found()}.`);
    }
    this.position += text.length;
    this.#skipSpace();
  }

  list<T>(item: () => T): T[] {
    this.expect("(");
    const items = [item()];
    while (this.text[this.position] === ",") {
      this.expect(",");
      items.push(item());
    }
    this.expect(")");
    return items;
  }

  /** A bare number is milliseconds. */
  durationNs(): number {
    const at = this.position;
    const [number, unit] = this.#numberAndUnit("a duration, for example 500ms");
    const ns = parseDuration(`${number}${unit === "" ? "ms" : unit}`);
    return ns ?? this.fail(at, `"${number}${unit}" is no duration; write it as 500ms or 1.5s.`);
  }

  ratio(): number {
    const at = this.position;
    const [number, unit] = this.#numberAndUnit("a share, for example 1%");
    const ratio = unit === "%" ? number / 100 : number;
    if ((unit !== "%" && unit !== "") || ratio > 1) {
      this.fail(at, `"${number}${unit}" is no share; write it as 1% or 0.01.`);
    }
    return ratio;
  }

  /** A share of the baseline, which may be above 1; in percentage points it may not. */
  change(points: boolean): number {
    const at = this.position;
    const expected = points
      ? "percentage points, for example 1%"
      : "a share of the baseline, for example 10%";
    const [number, unit] = this.#numberAndUnit(expected);
    const ratio = unit === "%" ? number / 100 : number;
    if ((unit !== "%" && unit !== "") || (points && ratio > 1)) {
      this.fail(
        at,
        `"${number}${unit}" is no ${points ? "difference of shares" : "share of the baseline"}; write it as ${points ? "1% or 0.01" : "10% or 0.1"}.`,
      );
    }
    return ratio;
  }

  perSecond(): number {
    const at = this.position;
    const [number, unit] = this.#numberAndUnit("a rate, for example 500");
    if (!["", "tok/s", "tokens/s", "req/s", "/s", "1/s"].includes(unit)) {
      this.fail(at, `"${number}${unit}" is no rate per second; write it as 500 or 500 tok/s.`);
    }
    return number;
  }

  done(): boolean {
    return this.position >= this.text.length;
  }

  end(): void {
    if (!this.done()) this.fail(this.position, `expected nothing more, found ${this.#found()}.`);
  }

  #numberAndUnit(expected: string): [number, string] {
    const match = this.match(/(\d+(?:\.\d+)?|\.\d+)\s*(%|[a-zµ1]*\/s|[a-zµ]+(?![a-z0-9_]*\s*:))?/y);
    if (!match) return this.fail(this.position, `expected ${expected}, found ${this.#found()}.`);
    return [Number(match[1]), match[2] ?? ""];
  }

  #found(): string {
    return this.done() ? "the end" : JSON.stringify(this.text.slice(this.position, this.position + 20));
  }

  #skipSpace(): void {
    while (/\s/.test(this.text[this.position] ?? "")) this.position++;
  }
}
