import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { renderJunit } from "../../src/report/exports/junit.ts";
import { renderHtml } from "../../src/report/html/html.ts";
import { renderMarkdown } from "../../src/report/markdown/markdown.ts";
import { sloRows } from "../../src/report/slo-rows.ts";
import { renderText } from "../../src/report/text/text.ts";
import { describeVerdict } from "../../src/report/verdict.ts";
import { STATES } from "./fixture.ts";

const TITLES: readonly (readonly [state: string, title: string])[] = [
  ["met", "Met"],
  ["violated", "Violated"],
  ["inconclusive", "Inconclusive"],
  ["invalid", "Invalid"],
  ["no objectives", "Measured, no objectives given"],
  ["cancelled", "Cancelled, inconclusive so far"],
  ["nothing measured", "Cancelled, nothing measured"],
];

describe("One verdict stands in every form", () => {
  for (const [state, title] of TITLES) {
    test(`a run that is ${state} is called "${title}"`, () => {
      const result = STATES[state]!();
      assert.equal(describeVerdict(result).title, title);
      assert.ok(renderText(result, { color: false }).split("\n")[0]!.includes(title.toUpperCase()));
      assert.ok(renderMarkdown(result).split("\n")[0]!.endsWith(title.toLowerCase()));
      assert.ok(renderHtml(result).includes(`<h1>${title}</h1>`));
    });
  }

  test("an invalid run is never shown as met by its heading, and every case that may not be believed is an error", () => {
    const result = STATES.invalid!();
    assert.equal(result.verdict, "met");
    assert.match(renderText(result, { color: false }), /^⊘ INVALID/);
    assert.match(renderMarkdown(result), /^## 🚫 Goodput: invalid/);
    assert.match(renderJunit(result), /tests="4" failures="0" errors="1" skipped="0"/);
    assert.match(renderText(result, { color: false }), /ttft_p95 < 400ms .* ⊘ invalid \(met\)\n/);
    assert.match(renderText(result, { color: false }), /tpot_p99 <= 30ms .* ✓ met\n/);
  });

  test("a result from before objectives told of it is invalid in every case", () => {
    const { levels, ...result } = STATES.invalid!();
    const untold = levels.map((level) => ({
      ...level,
      objectives: level.objectives.map(({ invalid: _, ...objective }) => objective),
    }));
    assert.match(renderJunit({ ...result, levels: untold }), /tests="4" failures="0" errors="4" skipped="0"/);
  });

  test("figures that were moved are named where no objective asks for a verdict", () => {
    const { findings, ...result } = STATES["no objectives"]!();
    const late = { ...STATES.invalid!().findings[0]!, level: "note" as const };
    const { notes } = describeVerdict({ ...result, findings: [...findings, late] });
    assert.deepEqual(notes, ["Not to be taken at face value, by generator_late: ttft and e2e."]);
  });

  test("an invalid run without objectives still turns continuous integration red", () => {
    const result = { ...STATES["no objectives"]!(), valid: false };
    assert.match(renderJunit(result), /<testsuites name="goodput" tests="1" failures="0" errors="1"/);
  });
});

describe("The same figures stand in every form", () => {
  for (const state of ["met", "violated", "inconclusive", "all failed", "open loop"]) {
    test(`for a run that is ${state}`, () => {
      const result = STATES[state]!();
      const forms = {
        text: renderText(result, { color: false, width: 200 }),
        markdown: renderMarkdown(result),
        short: renderMarkdown(result, { charts: "none" }),
        html: renderHtml(result),
      };
      for (const row of sloRows(result)) {
        for (const [form, written] of Object.entries(forms)) {
          const shown = form === "markdown" || form === "short" ? { ...row, samples: "" } : row;
          const line = written.split("\n").find((line) => figuresIn(line, shown));
          assert.ok(line, `${form} lacks ${row.objective} at ${row.level}`);
        }
      }
    });
  }
});

test("Colour adds nothing but colour", () => {
  for (const make of Object.values(STATES)) {
    const colored = renderText(make(), { color: true });
    assert.match(colored, /\u001b\[/);
    assert.equal(stripVTControlCharacters(colored), renderText(make(), { color: false }));
  }
});

test("Charts off leaves every other line as it is", () => {
  for (const make of Object.values(STATES)) {
    const withCharts = renderMarkdown(make());
    for (const line of renderMarkdown(make(), { charts: "none" }).split("\n")) {
      assert.ok(withCharts.includes(line), line);
    }
  }
});

function figuresIn(
  line: string,
  { observed, interval, samples, outcome }: ReturnType<typeof sloRows>[number],
) {
  return [observed, interval, samples, outcome].every((figure) => line.includes(figure));
}
