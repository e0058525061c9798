import assert from "node:assert/strict";
import { test } from "node:test";
import { cacheHitRatio, unsharedHitRatio } from "../../src/judge/prompt-cache.ts";
import type { RequestRecord } from "../../src/record/record.ts";
import { planOf, record, summaryOf, times } from "../support/records.ts";
import { doubted, found, validity } from "../support/validity.ts";

/** A hundred requests, each with that share of its prompt in the cache. */
const cached = (share: number, serverMs = 50) =>
  times(100, (i) => record(i, { ttftMs: serverMs, inputTokens: 280, cachedTokens: 280 * share }));

/** What the server had beyond the plan, of a hundred requests like this one. */
const unshared = (raw: Record<string, unknown>, one: Partial<RequestRecord>, server?: object) =>
  unsharedHitRatio(
    planOf(raw),
    summaryOf(
      planOf(raw),
      times(100, (i) => record(i, one)),
      server === undefined ? {} : { server: { engine: "vllm", replicas: 1, unavailable: [], ...server } },
    ),
  );

const CASES: readonly (readonly [
  name: string,
  plan: Record<string, unknown>,
  request: Partial<RequestRecord>,
  ratio: number,
])[] = [
  ["prompts that nobody has seen", {}, { inputTokens: 280, cachedTokens: 0 }, 0],
  ["a chat template, by whole blocks", {}, { inputTokens: 280, cachedTokens: 32 }, 0],
  ["a long chat template", { "input-tokens": 16 }, { inputTokens: 96, cachedTokens: 80 }, 0],
  ["whole prompts", {}, { inputTokens: 280, cachedTokens: 279 }, 279 / 280],
  ["whole short prompts", { "input-tokens": 64 }, { inputTokens: 84, cachedTokens: 83 }, 83 / 84],
  ["words of two tokens each", {}, { inputTokens: 512, cachedTokens: 511 }, 511 / 512],
  [
    "a prefix that the plan shares",
    { "prefix-tokens": 1000 },
    { inputTokens: 1276, cachedTokens: 1016, sharedTokens: 1000 },
    0,
  ],
  [
    "a prefix whose words are more tokens",
    { "prefix-tokens": 1000 },
    { inputTokens: 1640, cachedTokens: 1310, sharedTokens: 1000 },
    0,
  ],
  [
    "more than the prefix",
    { "prefix-tokens": 1000 },
    { inputTokens: 1276, cachedTokens: 1275, sharedTokens: 1000 },
    275 / 1276,
  ],
  [
    "what was said before in a conversation",
    { turns: 2 },
    { inputTokens: 800, cachedTokens: 540, sharedTokens: 540, turn: 1 },
    0,
  ],
  [
    "blocks of a trace",
    { trace: "t.jsonl", requests: undefined },
    { inputTokens: 6500, cachedTokens: 5700, sharedTokens: 5120 },
    0,
  ],
  [
    "questions of a file that came again",
    { prompts: "p.txt" },
    { inputTokens: 30, cachedTokens: 29 },
    29 / 30,
  ],
  ["the template before a file's questions", { prompts: "p.txt" }, { inputTokens: 30, cachedTokens: 16 }, 0],
  ["a server that counts more than there is", {}, { inputTokens: 100, cachedTokens: 300 }, 1],
];
for (const [name, raw, request, ratio] of CASES) {
  test(`in the cache: ${name}`, () => {
    assert.equal(unshared(raw, request)?.toFixed(6), ratio.toFixed(6));
  });
}

test("where answers tell nothing, the target's page does, unless it counts the hits of others", () => {
  const page = { prefix_cache_hit_ratio: 0.97, requests: 100 };
  assert.equal(unshared({}, { inputTokens: 280 }, page), 0.97);
  assert.equal(unshared({}, { inputTokens: 280 }, { ...page, requests: 300 }), undefined);
  assert.equal(unshared({}, { inputTokens: 280 }, { ...page, prefix_cache_hit_ratio: 0.1 }), 0);
  assert.equal(unshared({}, { inputTokens: 280, cachedTokens: 0 }, page), 0, "the answers are nearer");
  assert.equal(unshared({}, { inputTokens: 0, tokenSource: "chunks" }, page), 0.97);
  assert.equal(unshared({}, { inputTokens: 280 }), undefined);
});

test("a share of the cache is one of all input tokens that were told of", () => {
  const records = times(10, (i) => record(i, i < 5 ? { inputTokens: 100, cachedTokens: 40 } : {}));
  assert.equal(cacheHitRatio(summaryOf(planOf(), records)), 0.4);
  assert.equal(
    cacheHitRatio(
      summaryOf(
        planOf(),
        times(10, (i) => record(i)),
      ),
    ),
    undefined,
  );
});

test("hits that nobody asked for take back what they may have met, and are noted of prompts that users gave", () => {
  const codes = (raw: Record<string, unknown>, share: number) => found(planOf(raw), cached(share));
  assert.deepEqual(codes({ slo: "ttft_p95 < 1s" }, 0.5), ["prompt_cache_hits: invalid"]);
  assert.deepEqual(codes({}, 0.5), ["prompt_cache_hits: note"], "no verdict hangs on it");
  assert.deepEqual(codes({ slo: "ttft_p95 < 1s", prompts: "p.txt" }, 0.5), ["prompt_cache_hits: note"]);
  assert.deepEqual(codes({ slo: "ttft_p95 < 1s", prompts: "builtin" }, 0.5), ["prompt_cache_hits: note"]);
  assert.deepEqual(codes({ slo: "ttft_p95 < 1s", "prompt-cache": "warm" }, 0.5), []);
  assert.deepEqual(codes({ slo: "ttft_p95 < 1s" }, 0.04), []);

  const slo = ["ttft_p95 < 1s", "ttft_p95 < 10ms", "e2e_p95 < 9s", "tpot_p95 < 1s", "error_rate < 5%"];
  assert.deepEqual(doubted(planOf({ slo: slo.join("\n") }), cached(0.5)), [
    "ttft_p95 < 1s: prompt_cache_hits",
    "ttft_p95 < 10ms: stands",
    "e2e_p95 < 9s: prompt_cache_hits",
    "tpot_p95 < 1s: stands",
    "error_rate < 5%: stands",
  ]);
});

test("sides whose servers had seen more or less of the prompts are not compared, whatever the prompts", () => {
  const slo = "ttft_p95 regression < 10%\ntpot_p95 regression < 10%\nttft_p95 < 1s";
  const raw = { "baseline-url": "http://base/v1", slo, "prompt-cache": "warm" };
  for (const plan of [planOf(raw), planOf({ ...raw, prompts: "p.txt" })]) {
    for (const [head, base] of [
      [0.9, 0],
      [0, 0.9],
    ] as const) {
      const sides = { base: cached(base) };
      const { findings } = validity(plan, cached(head), sides);
      assert.deepEqual(
        findings.map(({ code, level }) => `${code}: ${level}`),
        ["prompt_cache_differs: invalid"],
      );
      assert.deepEqual(doubted(plan, cached(head), sides), [
        "ttft_p95 regression < 10%: prompt_cache_differs",
        "tpot_p95 regression < 10%: stands",
        "ttft_p95 < 1s: stands",
      ]);
    }
    assert.deepEqual(validity(plan, cached(0.9), { base: cached(0.95) }).findings, []);
  }
  const unasked = planOf({ "baseline-url": "http://base/v1" });
  assert.ok(
    validity(unasked, cached(0), { base: cached(0.9) }).findings.some(
      ({ code, level }) => code === "prompt_cache_differs" && level === "invalid",
    ),
    "the comparison is there without an objective",
  );
});
