import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { renderHtml } from "../../src/report/html/html.ts";
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

  test("draws a histogram beside each curve: bars of one level, outlines of several", () => {
    const one = sectionOf(renderHtml(STATES.met!()), "Distribution of latencies");
    assert.ok((one.match(/<rect class="column"/gu)?.length ?? 0) > 3 * 6);
    const three = sectionOf(renderHtml(STATES.violated!()), "Distribution of latencies");
    assert.equal(three.match(/<path class="outline"/gu)?.length, 3 * 3);
    assert.equal(three.match(/<rect class="column"/gu), null);
  });

  test("of many levels draws a few over each other, says so, and marks every one against throughput", () => {
    const html = renderHtml(STATES.sweep!());
    const distribution = sectionOf(html, "Distribution of latencies");
    assert.equal(distribution.match(/<path class="line"/gu)?.length, 3 * 6);
    assert.match(distribution, /6 of 12 load levels are drawn/u);
    const load = sectionOf(html, "Latency against throughput");
    assert.equal(load.match(/<path class="mark"/gu)?.length, 3 * 12);
    // Both ends are named in each of the three, whatever finds no room.
    assert.equal(load.match(/>1<\/text>/gu)?.length, 3);
    assert.equal(load.match(/>64<\/text>/gu)?.length, 3);
  });

  test("joins loads of one kind only", () => {
    assert.match(sectionOf(renderHtml(STATES.sweep!()), "Latency against throughput"), /class="path"/u);
    const mixed = sectionOf(renderHtml(STATES["new loads"]!()), "Latency against throughput");
    assert.doesNotMatch(mixed, /class="path"/u);
  });

  test("puts the server's figures beside the client's, with a bound where it knows no more", () => {
    const section = sectionOf(renderHtml(STATES["server side"]!()), "The server's own figures");
    assert.match(section, /&gt; 60 s/u);
    assert.match(section, /unavailable: gpu_memory_used_bytes/u);
    assert.match(section, /unavailable at concurrency 16: replica 2/u);
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

function sectionOf(html: string, name: string): string {
  const [, after = ""] = html.split(`<h2>${name}</h2>`);
  return after.split("<h2>")[0]!;
}
