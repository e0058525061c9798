import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { renderMarkdown } from "../../src/report/markdown/markdown.ts";
import { STATES } from "./fixture.ts";
import { hostileResult, hugeResult } from "./hostile-result.ts";
import { markdownMistakes } from "./markdown-mistakes.ts";

const reportUrl = "https://ci.example/run/1";
const CHARTS = ["auto", "mermaid", "unicode", "none"] as const;

describe("Whatever a result holds, its Markdown holds nothing of it but text", () => {
  test("no other mention, reference, link, image, tag, fold, column or block", () => {
    fc.assert(
      fc.property(hostileResult, fc.constantFrom(...CHARTS), (result, charts) => {
        const written = renderMarkdown(result, { charts, reportUrl });
        assert.deepEqual(markdownMistakes(written, [reportUrl]), []);
      }),
      { seed: 20_260_314, numRuns: 150 },
    );
  });

  test("and stays so, and within its length, wherever it is cut", () => {
    fc.assert(
      fc.property(hostileResult, fc.nat({ max: 40_000 }), (result, maxChars) => {
        const written = renderMarkdown(result, { maxChars, reportUrl });
        assert.ok(written.length <= maxChars, `${written.length} of ${maxChars}`);
        assert.deepEqual(markdownMistakes(written, [reportUrl]), []);
      }),
      { seed: 20_260_315, numRuns: 150 },
    );
  });
});

describe("A body is never longer than a comment may be", () => {
  const sizes: readonly (readonly [levels: number, objectives: number])[] = [
    [200, 1],
    [1, 300],
    [200, 300],
  ];
  for (const [levels, objectives] of sizes) {
    test(`with ${levels} levels of ${objectives} objectives, and the full report is linked`, () => {
      const written = renderMarkdown(hugeResult(levels, objectives), { maxChars: 60_000, reportUrl });
      assert.ok(written.length <= 60_000, String(written.length));
      assert.deepEqual(markdownMistakes(written, [reportUrl]), []);
      assert.match(written, /\[full report\]/u);
      assert.match(written, /🚫 invalid \(violated\)/u);
      assert.match(written, /_Left out to keep this short: /u);
    });
  }
});

test("Parts are dropped in one order: what is left of a shorter report stands in every longer one", () => {
  const result = STATES.compared!();
  const whole = renderMarkdown(result, { reportUrl });
  let before = new Set<string>();
  for (let maxChars = 600; maxChars < whole.length + 200; maxChars += 200) {
    const written = renderMarkdown(result, { maxChars, reportUrl });
    const parts = new Set(written.match(/<summary>.*<\/summary>/gu) ?? []);
    for (const part of before) {
      // What changed is the short form of every figure.
      if (!part.includes("what changed")) assert.ok(parts.has(part), `${part} is gone at ${maxChars}`);
    }
    before = parts;
  }
  assert.equal(before.size, 5);
});

test("The checker finds what it is there to find", () => {
  const wrong: readonly string[] = [
    "hello @octocat",
    "see #1",
    "![](x)",
    "[a](https://evil.example)",
    "https://evil.example",
    "a <b>",
    "<!-- x -->",
    "an `open span",
    "```js\n```",
    "```mermaid",
    "| a | b |\n| - | - |\n| a | b | c |",
    "<details><summary>x</summary>",
    "</details>",
    "## one\n\n## two",
    "> quoted",
    "\u202eturned",
    "\ud83d",
  ];
  for (const markdown of wrong) assert.notDeepEqual(markdownMistakes(markdown), [], markdown);
});
