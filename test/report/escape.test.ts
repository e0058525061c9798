import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  csvText,
  htmlText,
  markdownCode,
  markdownText,
  terminalText,
  xmlText,
} from "../../src/report/escape.ts";
import { HOSTILE_TEXTS } from "./fixture.ts";
import { markupMistakes } from "./well-formed.ts";

describe("A terminal or CI log gets one harmless line", () => {
  const rows: readonly (readonly [why: string, text: string, expected: string])[] = [
    ["a workflow command at the start", "::set-output name=x::y", ": :set-output name=x::y"],
    ["a command after a space, which a wrapped line could start with", "a ::error::b", "a : :error::b"],
    ["a longer run of colons", ":::debug::x", ": : :debug::x"],
    ["the older command form anywhere", "a ##[error]b", "a # #[error]b"],
    ["an address of IPv6 stays readable", "connect [::1]:8000", "connect [::1]:8000"],
    ["colours", "\u001b[31mred\u001b[0m", "red"],
    ["a hidden link", "\u001b]8;;http://x\u0007text\u001b]8;;\u0007", "text"],
    ["turned reading direction", "a\u202eb\u2066c", "abc"],
    ["a command hidden by an invisible character", "\u200b:\u200b:error::x", ": :error::x"],
    ["lines and tabs", "a\r\nb\tc\u2028d\u0085e", "a b c d e"],
  ];
  for (const [why, text, expected] of rows) test(why, () => assert.equal(terminalText(text), expected));
});

describe("Markdown shows text and builds nothing from it", () => {
  const rows: readonly (readonly [why: string, text: string, expected: string])[] = [
    ["a mention", "@octocat", "@\u200boctocat"],
    ["a reference", "see #1 and GH-2", "see #\u200b1 and GH\u200b-2"],
    ["a commit", "at deadbeef1", "at deadbe\u200bef1"],
    ["a plain number is no commit", "1234567890", "1234567890"],
    ["a link", "[a](http://x)", "\\[a\\](http:\u200b//x)"],
    ["a bare address", "www.evil.example", "www\u200b.evil.example"],
    ["a bare address that begins after an underscore", "_www.evil.example", "\\_www\u200b.evil.example"],
    ["a commit that begins after an underscore", "_deadbeef1", "\\_deadbe\u200bef1"],
    ["a tag", "<img src=x>", "‹img src=x&gt;"],
    ["a comment's end", "a --> b", "a - - &gt; b"],
    ["code and columns", "`a` | b", "'a' ¦ b"],
    ["mathematics", "$x$", "\\$x\\$"],
    ["a custom emoji, which is an image", ":octocat:", ":\u200boctocat:"],
    ["a heading", "# a", "\\# a"],
    ["a list", "1. a", "1\u200b. a"],
    ["a metric's name stays readable", "ttft_p95 < 500ms", "ttft_p95 &lt; 500ms"],
  ];
  for (const [why, text, expected] of rows) test(why, () => assert.equal(markdownText(text), expected));

  test("a code span keeps an objective as it is", () =>
    assert.equal(markdownCode("ttft_p95 <= 500ms"), "`ttft_p95 <= 500ms`"));
  test("a code span is never empty", () => assert.equal(markdownCode("\u200b\n"), "–"));
});

describe("A CSV cell is text", () => {
  test("never a formula", () => {
    for (const start of ["=", "+", "-", "@"]) assert.equal(csvText(`${start}1`), `'${start}1`);
  });
  test("quoted when it holds a comma or a quote", () => assert.equal(csvText('a,"b"'), '"a,""b"""'));
});

describe("Whatever the text is", () => {
  const anyText = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc
      .array(fc.oneof(fc.constantFrom(...HOSTILE_TEXTS.slice(0, -1)), fc.string({ unit: "grapheme" })), {
        maxLength: 6,
      })
      .map((parts) => parts.join("")),
  );
  const always = (claim: string, holds: (text: string) => boolean) =>
    test(claim, () => fc.assert(fc.property(anyText, holds), { numRuns: 300 }));

  always("a log line holds no control and no command", (text) => {
    const line = terminalText(text);
    return !/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]|(?:^|\s)::|##\w*\[/u.test(line);
  });
  always("a code span has exactly its own two backticks and no column", (text) => {
    const span = markdownCode(text);
    return span === "–" || (/^`[^`|\n]+`$/u.test(span) && !/<[a-z/!]|-->/iu.test(span));
  });
  always(
    "prose holds no tag, column, code or mention",
    (text) => !/[`|<\n]|-->|@\w/u.test(markdownText(text)),
  );
  always("HTML and XML stay well formed around it", (text) => {
    const html = `<p title="${htmlText(text)}">${xmlText(text)}</p>`;
    return markupMistakes(html).length === 0;
  });
  always("it is cut at its length and never through a character", (text) =>
    [7, 20].every((length) => terminalLength(text, length) && htmlText(text, length).isWellFormed()),
  );
});

test("A line of a megabyte costs little", () => {
  const begin = performance.now();
  for (let i = 0; i < 200; i++) markdownText(HOSTILE_TEXTS.at(-1)!);
  assert.ok(performance.now() - begin < 1000);
});

/** Breaking a command adds a space or so per colon, which is the only way past the length. */
function terminalLength(text: string, length: number): boolean {
  const line = terminalText(text, length);
  return line.isWellFormed() && line.replaceAll(/: (?=:)|# (?=#)/gu, (pair) => pair.trim()).length <= length;
}
