import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { renderMarkdown } from "../../src/report/markdown/markdown.ts";
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
        assert.equal(count(written, /<details(?: open)?>/gu), count(written, /<\/details>/gu));
        assert.equal(count(written, /^```/gmu) % 2, 0);
        assert.equal(count(written, /`/gu) % 2, 0);
      }
      assert.equal(renderMarkdown(result, { maxChars: whole }), renderMarkdown(result));
    });
  }

  test("loses charts first, then all quantiles, and says so", () => {
    const result = STATES.violated!();
    const whole = renderMarkdown(result);
    const less = renderMarkdown(result, { maxChars: whole.length - 1 });
    assert.ok(!less.includes("```mermaid") && less.includes("All quantiles"));
    assert.match(less, /_Left out to keep this short: charts\._/u);
    const least = renderMarkdown(result, { maxChars: 3000 });
    assert.ok(!least.includes("All quantiles") && least.includes("`ttft_p95 < 400ms`"));
  });

  test("shows the worst objectives when it cannot show all", () => {
    const written = renderMarkdown(STATES.violated!(), { maxChars: 1200 });
    assert.match(written, /❌ violated/u);
    assert.match(written, /more objectives/u);
  });
});

describe("Mermaid charts", () => {
  const charts =
    renderMarkdown(STATES.violated!(), { charts: "mermaid" }).match(/```mermaid\n[\s\S]*?```/gu) ?? [];

  test("are of the kind GitHub draws, in ASCII", () => {
    assert.equal(charts.length, 4);
    for (const chart of charts) {
      assert.match(chart, /^```mermaid\n%%\{init: .*\}%%\nxychart-beta\n/u);
      assert.match(chart, /^[\n\u0020-\u007e]*$/u);
    }
  });

  test("hold at most 20 finite values, one per label", () => {
    for (const chart of charts) {
      const labels = /x-axis \[(.*)\]/u.exec(chart)![1]!.split(", ");
      const values = /(?:line|bar) \[(.*)\]/u.exec(chart)![1]!.split(", ").map(Number);
      assert.equal(labels.length, values.length);
      for (const [, line] of chart.matchAll(/(?:line|bar) \[(.*)\]/gu)) {
        assert.equal(line!.split(", ").length, labels.length);
      }
      assert.ok(values.length <= 20 && values.every(Number.isFinite));
    }
  });

  test("draw the limit that the verdict rests on across the levels", () => {
    assert.match(charts[0]!, /title "TTFT p95 by requests in flight; line: limit 400 ms"/u);
    assert.match(charts[0]!, /line \[400, 400, 400\]/u);
  });

  test("show a course over time by themselves only where it says more than its figure", () => {
    const titles = (state: string, charts: "auto" | "mermaid" | "unicode" | "none") =>
      [...renderMarkdown(STATES[state]!(), { charts }).matchAll(/title "(.*)"/gu)].map(([, title]) => title);
    assert.deepEqual(titles("met", "auto"), []);
    assert.deepEqual(titles("met", "mermaid"), ["TTFT p95 over time in s, concurrency 4"]);
    assert.deepEqual(titles("drifting", "auto"), ["TTFT p95 over time in s, 20 req/s"]);
    for (const charts of ["unicode", "none"] as const) assert.deepEqual(titles("drifting", charts), []);
  });

  test("take no word from the target", () => {
    const hostile =
      renderMarkdown(STATES.hostile!(), { charts: "mermaid" }).match(/```mermaid\n[\s\S]*?```/gu) ?? [];
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

describe("A column of bars", () => {
  const bars = (state: string, charts: "auto" | "unicode" | "none") =>
    renderMarkdown(STATES[state]!(), { charts }).match(/`[▁-█·]{4,}`/gu) ?? [];

  test("is there only where a figure's course says something", () => {
    assert.equal(bars("met", "auto").length, 0);
    // Of TTFT, which grows, and of the failures, which begin in the middle.
    assert.equal(bars("drifting", "auto").length, 2);
    assert.equal(bars("drifting", "unicode").length, 2);
    assert.equal(bars("drifting", "none").length, 0);
  });
});

describe("What is said once", () => {
  test("is a finding at many loads", () => {
    const { findings, ...result } = STATES.invalid!();
    const many = Array.from({ length: 12 }, (_, i) => ({ ...findings[0]!, at: `concurrency ${i + 1}` }));
    const written = renderMarkdown({ ...result, findings: many });
    assert.equal(count(written, /What to do:/gu), 1);
    assert.match(written, /`concurrency 6` and 6 more:/u);
  });

  test("is a reason for many loads, and more than four kinds of reason are folded", () => {
    assert.equal(count(renderMarkdown(STATES.sweep!()), /^- ⚠️ `tpot_p99/gmu), 1);
    assert.match(renderMarkdown(STATES.hostile!()), /<summary>Why objectives are invalid</u);
  });
});

test("Loads times objectives become a table of loads when there are many, with the intervals folded", () => {
  const written = renderMarkdown(STATES.sweep!());
  assert.match(written, /^\| Load \| `ttft_p95 < 400ms` \| .* \| Verdict \|$/mu);
  assert.match(written, /^\| `concurrency 64` \| ❌ 621 ms \| .* \| ❌ violated \|$/mu);
  assert.ok(written.indexOf("`concurrency 16` |") < written.indexOf("`concurrency 32` |"), "lightest first");
  assert.match(written, /<summary>Every objective with its interval</u);
});

test("Against the baseline what is worse comes first, then what is better", () => {
  const [, table = ""] = renderMarkdown(STATES.compared!()).split("every figure</summary>");
  const outcomes = [...table.split("</details>")[0]!.matchAll(/(worse|better|unclear) \|$/gmu)].map(
    ([, o]) => o,
  );
  const order = ["worse", "better", "unclear"];
  assert.equal(outcomes.length, 12);
  assert.deepEqual(
    outcomes,
    outcomes.toSorted((a, b) => order.indexOf(a!) - order.indexOf(b!)),
  );
});

test("A capacity search says how much load was kept, whatever the levels beyond it did", () => {
  const result = STATES["capacity search"]!();
  assert.match(renderMarkdown(result), /The highest load that met every objective is 12 requests in flight/u);
  const { highest_passing: _, ...none } = result.exploration!;
  const failed = { ...result, verdict: "violated", exploration: none } as const;
  assert.match(renderMarkdown(failed), /none met every objective, not even 16 requests in flight/u);
  const rate = { kind: "search", of: "rate", highest_passing: 12.5 } as const;
  assert.match(
    renderMarkdown({ ...result, exploration: rate }),
    /12\.5 requests per second; the search went/u,
  );
});

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
