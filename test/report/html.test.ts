import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { renderHtml } from "../../src/report/html.ts";
import { STATES } from "./fixture.ts";
import { markupMistakes } from "./well-formed.ts";

describe("The page", () => {
  for (const [state, make] of Object.entries(STATES)) {
    test(`of a run that is ${state} is well formed and holds no figure that is none`, () => {
      const html = renderHtml(make());
      assert.deepEqual(markupMistakes(html.replace(/<style>[\s\S]*?<\/style>/u, "")), []);
      assert.doesNotMatch(html, /NaN|undefined|Infinity|\[object/u);
    });
  }

  test("is the same for the same result", () =>
    assert.equal(renderHtml(STATES.violated!()), renderHtml(STATES.violated!())));

  test("forbids itself everything but its own style", () => {
    assert.ok(
      renderHtml(STATES.met!()).includes("default-src 'none'; style-src 'unsafe-inline'; img-src data:"),
    );
  });

  test("draws one curve per level and latency, and one mark per level against throughput", () => {
    const html = renderHtml(STATES.violated!());
    const [, distribution = ""] = html.split("<h2>Distribution of latencies</h2>");
    assert.equal(distribution.split("<h2>")[0]!.match(/<path class="line"/gu)?.length, 3 * 3);
    const [, load = ""] = html.split("<h2>Latency against throughput</h2>");
    assert.equal(load.split("<h2>")[0]!.match(/<path class="mark"/gu)?.length, 3 * 3);
  });

  test("with one level has nothing to draw against throughput", () => {
    assert.ok(!renderHtml(STATES.met!()).includes("Latency against throughput"));
  });

  test("draws histograms and timelines of odd shape", () => {
    const base = STATES.met!();
    const level = base.levels[0]!;
    const odd = {
      ...level,
      histograms: { ttft: [[1_000_000, 1]] as const, e2e: [] },
      timeline: level.timeline.slice(0, 1),
    };
    const html = renderHtml({ ...base, levels: [odd, { ...odd, name: "same" }] });
    assert.deepEqual(markupMistakes(html.replace(/<style>[\s\S]*?<\/style>/u, "")), []);
    assert.doesNotMatch(html, /NaN|undefined|Infinity/u);
  });
});
