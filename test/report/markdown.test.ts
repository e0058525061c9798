import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { renderMarkdown } from "../../src/report/markdown.ts";
import { STATES } from "./fixture.ts";

describe("Markdown with a maximum length", () => {
  for (const state of ["violated", "invalid", "hostile"]) {
    test(`of a run that is ${state} is never longer, and balanced at every length`, () => {
      const result = STATES[state]!();
      const whole = renderMarkdown(result).length;
      for (const maxChars of [0, 1, 50, 200, 500, 1000, 2000, 4000, 8000, 20_000, 60_000, whole - 1, whole]) {
        const written = renderMarkdown(result, { maxChars });
        assert.ok(written.length <= maxChars, `${written.length} of ${maxChars}`);
        assert.ok(written.isWellFormed());
        assert.equal(count(written, /<details>/gu), count(written, /<\/details>/gu));
        assert.equal(count(written, /^```/gmu) % 2, 0);
        assert.equal(count(written, /`/gu) % 2, 0);
      }
      assert.equal(renderMarkdown(result, { maxChars: whole }), renderMarkdown(result));
    });
  }

  test("loses charts first, then full figures, and says so", () => {
    const result = STATES.violated!();
    const whole = renderMarkdown(result);
    const less = renderMarkdown(result, { maxChars: whole.length - 1 });
    assert.ok(!less.includes("```mermaid") && less.includes("Full figures"));
    assert.match(less, /_Left out to keep this short: charts\._/u);
    const least = renderMarkdown(result, { maxChars: 3000 });
    assert.ok(!least.includes("Full figures") && least.includes("`ttft_p95 < 400ms`"));
  });

  test("shows the worst objectives when it cannot show all", () => {
    const written = renderMarkdown(STATES.violated!(), { maxChars: 1200 });
    assert.match(written, /❌ violated/u);
    assert.match(written, /more objectives/u);
  });
});

describe("Mermaid charts", () => {
  const charts = renderMarkdown(STATES.violated!()).match(/```mermaid\n[\s\S]*?```/gu) ?? [];

  test("are of the kind GitHub draws, in ASCII", () => {
    assert.equal(charts.length, 4);
    for (const chart of charts) {
      assert.match(chart, /^```mermaid\nxychart-beta\n/u);
      assert.match(chart, /^[\n\u0020-\u007e]*$/u);
    }
  });

  test("hold at most 20 finite values, one per label", () => {
    for (const chart of charts) {
      const labels = /x-axis \[(.*)\]/u.exec(chart)![1]!.split(", ");
      const values = /(?:line|bar) \[(.*)\]/u.exec(chart)![1]!.split(", ").map(Number);
      assert.equal(labels.length, values.length);
      assert.ok(values.length <= 20 && values.every(Number.isFinite));
    }
  });

  test("take no word from the target", () => {
    const hostile = renderMarkdown(STATES.hostile!()).match(/```mermaid\n[\s\S]*?```/gu) ?? [];
    for (const chart of hostile) assert.doesNotMatch(chart, /script|evil|octocat|xxxx|owned/u);
  });
});

test("A link to the full report is taken only when it is https and nothing else", () => {
  const result = STATES.met!();
  assert.ok(
    renderMarkdown(result, { reportUrl: "https://ci.example/run/1" }).includes(
      "[full report](https://ci.example/run/1)",
    ),
  );
  for (const reportUrl of ["javascript:alert(1)", "https://x/) [y](http://z", "https://x/<b>"]) {
    assert.ok(!renderMarkdown(result, { reportUrl }).includes("full report]"));
  }
});

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
