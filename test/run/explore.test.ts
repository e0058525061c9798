import assert from "node:assert/strict";
import { test } from "node:test";
import { bracketOf } from "../../src/judge/bracket.ts";
import { parseConfig } from "../../src/plan/config.ts";
import type { Level, Load } from "../../src/plan/plan.ts";
import { type Explored, nextLevel } from "../../src/run/explore.ts";

const size = (load: Load) =>
  load.kind === "closed" ? load.concurrency : load.kind === "open" ? load.requestsPerSecond : 0;

/** Explores a server that keeps its objectives up to `capacity`, and gives what was tried in order. */
function explore(
  raw: Record<string, unknown>,
  capacity: number,
  throughput = (level: Level) => size(level.load),
): Explored[] {
  const plan = parseConfig({ url: "http://x", slo: "ttft_p95 < 1s", requests: 10, ...raw }, (key) => key);
  const done: Explored[] = [];
  for (let level = nextLevel(plan, done); level !== undefined; level = nextLevel(plan, done)) {
    done.push({
      level,
      outcome: size(level.load) <= capacity ? "met" : "violated",
      throughput: throughput(level),
    });
    assert.ok(done.length < 50, "it ends");
  }
  return done;
}

test("a search doubles until a load fails, then halves the gap", () => {
  const done = explore({ search: "concurrency", "search-tolerance": 0.01 }, 11);
  assert.deepEqual(
    done.map(({ level }) => size(level.load)),
    [1, 2, 4, 8, 16, 12, 10, 11],
  );
  assert.deepEqual(bracketOf(done), { highestPassing: 11, lowestFailing: 12 });
});

test("a search ends when the bracket is as narrow as asked", () => {
  const bracket = bracketOf(explore({ search: "rate", "search-start": 5, "search-tolerance": 0.1 }, 33.3));
  assert.ok(bracket.highestPassing! <= 33.3 && bracket.lowestFailing! > 33.3);
  assert.ok(1 - bracket.highestPassing! / bracket.lowestFailing! <= 0.1);
});

test("a search goes no higher than it may", () => {
  const done = explore({ search: "concurrency", "search-max": 20 }, 1000);
  assert.deepEqual(
    done.map(({ level }) => size(level.load)),
    [1, 2, 4, 8, 16, 20],
  );
  assert.deepEqual(bracketOf(done), { highestPassing: 20 });
});

test("when not even the start passes, lower loads are tried, a few times", () => {
  const loads = explore({ search: "rate", "search-start": 8 }, 0).map(({ level }) => size(level.load));
  assert.deepEqual(loads, [8, 4, 2, 1, 0.5, 0.25]);
  assert.deepEqual(
    explore({ search: "concurrency", "search-start": 8 }, 3).map(({ level }) => size(level.load)),
    [8, 4, 2, 3],
  );
});

test("a load that passes above one that failed by chance is not taken for the capacity", () => {
  const level = (concurrency: number, outcome: "met" | "violated") => ({
    level: { index: 0, load: { kind: "closed", concurrency }, stop: {}, warmupRequests: 0 } as const,
    outcome,
  });
  assert.deepEqual(bracketOf([level(4, "met"), level(8, "violated"), level(16, "met")]), {
    highestPassing: 4,
    lowestFailing: 8,
  });
});

test("a sweep goes from one at a time over saturation to rates between both", () => {
  const done = explore({ sweep: 4, "max-concurrency": 64 }, 1e9, ({ load }) =>
    load.kind === "closed" ? (load.concurrency === 1 ? 10 : 60) : 0,
  );
  assert.deepEqual(
    done.map(({ level }) => level.load.kind),
    ["closed", "closed", "open", "open", "open", "open"],
  );
  assert.deepEqual(
    done.slice(2).map(({ level }) => size(level.load)),
    [20, 30, 40, 50],
  );
});
