import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { PLOT } from "../../src/report/html/chart.ts";
import { placedLabels } from "../../src/report/html/labels.ts";
import { describeLoad, lightestFirst, loadLabel, shortLoad } from "../../src/report/load-label.ts";
import type { LoadResult } from "../../src/result.ts";

describe("Labels beside dots", () => {
  test("are never nearer to each other than a line, however many dots there are", () => {
    const dot = fc.record({
      x: fc.integer({ min: PLOT.left, max: PLOT.right }),
      y: fc.integer({ min: PLOT.top, max: PLOT.bottom }),
      text: fc.constantFrom("1", "16", "128", "5/s"),
    });
    fc.assert(
      fc.property(fc.array(dot, { maxLength: 20 }), (dots) => {
        const boxes = [
          ...placedLabels(dots).matchAll(/x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)">([^<]+)</gu),
        ].map(([, x, y, anchor, text]) => {
          const width = text!.length * 6;
          const shift = anchor === "start" ? 0 : anchor === "end" ? width : width / 2;
          return { left: Number(x) - shift, right: Number(x) - shift + width, y: Number(y) };
        });
        for (const [i, a] of boxes.entries()) {
          for (const b of boxes.slice(i + 1)) {
            assert.ok(a.right <= b.left || b.right <= a.left || Math.abs(a.y - b.y) >= 10);
          }
        }
      }),
      { seed: 11, numRuns: 200 },
    );
  });

  test("tell both ends of a row even where the middle has no room", () => {
    const dots = Array.from({ length: 20 }, (_, i) => ({ x: 100 + i * 4, y: 100, text: `${i}` }));
    const written = placedLabels(dots);
    assert.match(written, />0</u);
    assert.match(written, />19</u);
  });

  test("of no dots are none", () => assert.equal(placedLabels([]), ""));
});

describe("A load in words", () => {
  const rows: readonly (readonly [load: LoadResult, short: string, label: string, described: string])[] = [
    [{ kind: "closed", concurrency: 16 }, "16", "concurrency 16", "16 requests in flight"],
    [
      { kind: "open", rate: 2.5, arrivals: "gamma", burstiness: 0.5, max_concurrency: 64 },
      "2.5/s",
      "2.5 req/s",
      "2.5 requests/s, gamma, burstiness 0.5, at most 64 in flight",
    ],
    [
      {
        kind: "stages",
        of: "rate",
        stages: [
          { seconds: 30, target: 20 },
          { seconds: 90, target: 5 },
        ],
      },
      "to 20/s",
      "stages to 20 req/s",
      "to 20/s within 30 s, then to 5/s within 1 min 30 s",
    ],
    [
      { kind: "stages", of: "concurrency", stages: [{ seconds: 10, target: 8 }] },
      "to 8",
      "stages to 8 in flight",
      "to 8 in flight within 10 s",
    ],
    [
      { kind: "users", users: 40, spawn_rate: 2, think_seconds: [1, 5] },
      "40 users",
      "40 users",
      "40 users, 2 more each second, thinking for 1 s to 5 s",
    ],
    [{ kind: "replay" }, "trace", "trace", "at the moments of a recorded trace"],
  ];
  for (const [load, short, label, described] of rows) {
    test(described, () => {
      assert.equal(shortLoad(load), short);
      assert.equal(loadLabel(load), label);
      assert.equal(describeLoad(load), described);
    });
  }

  test("is put in order of its size, and left in the plan's where there is none", () => {
    const closed = (concurrency: number) => ({ load: { kind: "closed", concurrency } as const });
    assert.deepEqual(lightestFirst([closed(8), closed(1), closed(4)]), [1, 2, 0]);
    assert.deepEqual(lightestFirst([closed(8), { load: { kind: "replay" } }]), [0, 1]);
  });
});
