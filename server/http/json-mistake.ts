/** Where a text stops being JSON, which the engine's own message tells only sometimes. */
export interface JsonMistake {
  /** In UTF-16 units, from 0. */
  readonly position: number;
  readonly line: number;
  readonly column: number;
}

/** The first place at which no JSON can go on; the text's end when it only breaks off, undefined when it is JSON. */
export function jsonMistake(text: string): JsonMistake | undefined {
  const position = firstMistake(text);
  if (position === undefined) return undefined;
  const before = text.slice(0, position);
  const lastBreak = before.lastIndexOf("\n");
  return { position, line: before.split("\n").length, column: position - lastBreak };
}

type Expected = "value" | "value or end" | "key" | "key or end" | "colon" | "comma or end";

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const SIMPLE = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** With a list of what is open instead of calls, since a body of brackets alone would exhaust those. */
function firstMistake(text: string): number | undefined {
  const open: ("{" | "[")[] = [];
  let expected: Expected = "value";
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  for (;;) {
    take(SPACE);
    if (expected === "comma or end" && open.length === 0) return at === text.length ? undefined : at;
    const sign = text[at];
    const innermost = open.at(-1);
    const closes = sign === (innermost === "{" ? "}" : "]") && expected.endsWith("or end");
    if (closes) {
      at++;
      open.pop();
      expected = "comma or end";
    } else if (expected === "comma or end") {
      if (sign !== ",") return at;
      at++;
      expected = innermost === "{" ? "key" : "value";
    } else if (expected === "colon") {
      if (sign !== ":") return at;
      at++;
      expected = "value";
    } else if (expected === "key" || expected === "key or end") {
      if (!take(STRING)) return at;
      expected = "colon";
    } else if (sign === "{" || sign === "[") {
      at++;
      open.push(sign);
      expected = sign === "{" ? "key or end" : "value or end";
    } else if (take(STRING) || take(SIMPLE)) {
      expected = "comma or end";
    } else {
      return at;
    }
  }
}
