import assert from "node:assert/strict";
import { test } from "node:test";
import { ENGINES, engineOf, FIGURES, isWanted } from "../../src/observe/engines.ts";
import { readMetricsPage } from "../../src/observe/metrics-page.ts";
import type { ServerSide } from "../../src/result.ts";
import { observed, page, URL_A } from "./observed.ts";

/** Every fixture's level in figures worked out by hand from the two pages. */
const VLLM: ServerSide = {
  engine: "vllm",
  replicas: 1,
  // 40 + 40 + 20 of 100 in the buckets up to 60, 80 and 250 ms.
  ttft: { count: 100, mean: 85, p50: 65, p95: 212.5, p99: 242.5 },
  itl: { count: 3000, mean: 15, p50: 13.75, p95: 23.875, p99: 24.775 },
  e2e: { count: 100, mean: 1050, p50: 1000, p95: 1450, p99: 1490 },
  queue: { count: 100, mean: 10, p50: 20, p95: 200, p99: 300 },
  requests: 100,
  prompt_tokens: 25600,
  generation_tokens: 3100,
  running_max: 11,
  waiting_max: 3,
  kv_cache_usage_max: 0.62,
  prefix_cache_hit_ratio: 0.25,
  unavailable: [],
};

const LEVELS: readonly { fixture: string; why: string; says: ServerSide }[] = [
  { fixture: "vllm", why: "two engines of one server are summed, the fuller cache counts", says: VLLM },
  { fixture: "vllm-older", why: "older versions have other names for three figures", says: VLLM },
  { fixture: "vllm-openmetrics", why: "underscores for colons, exemplars, no creation gauges", says: VLLM },
  {
    fixture: "sglang",
    why: "ranks repeat one another, while cached tokens of all sources are summed",
    says: {
      engine: "sglang",
      replicas: 1,
      ttft: { count: 20, mean: 200, p50: 100, p95: 380, p99: 396 },
      itl: { count: 2540, mean: 9, p50: 9, p95: 9.9, p99: 9.98 },
      e2e: { count: 20, mean: 1800, p50: 1750, p95: 1975, p99: 1995 },
      queue: { count: 20, mean: 40, p50: 0, p95: 95, p99: 99 },
      requests: 20,
      prompt_tokens: 10240,
      generation_tokens: 2560,
      running_max: 8,
      waiting_max: 3,
      kv_cache_usage_max: 0.28,
      prefix_cache_hit_ratio: 0.25,
      unavailable: [],
    },
  },
  {
    fixture: "tgi",
    why: "its metrics appear when they are first counted, tokens are sums of histograms",
    says: {
      engine: "tgi",
      replicas: 1,
      e2e: { count: 10, mean: 1250, p50: 1000, p95: 1900, p99: 1980 },
      queue: { count: 10, mean: 15, p50: 0.0625, p95: 87.5, p99: 97.5 },
      requests: 10,
      prompt_tokens: 2000,
      generation_tokens: 640,
      running_max: 4,
      waiting_max: 2,
      unavailable: [
        "ttft: Text Generation Inference does not export it",
        "itl: Text Generation Inference exports only a mean per request",
        "kv_cache_usage_max: Text Generation Inference does not export it",
        "prefix_cache_hit_ratio: Text Generation Inference does not export it",
      ],
    },
  },
  {
    fixture: "llamacpp",
    why: "it has tokens and gauges, and no latencies",
    says: {
      engine: "llamacpp",
      replicas: 1,
      prompt_tokens: 480,
      generation_tokens: 256,
      running_max: 4,
      waiting_max: 1,
      kv_cache_usage_max: 0.1875,
      unavailable: [
        "ttft: llama.cpp exports no latencies",
        "itl: llama.cpp exports no latencies",
        "e2e: llama.cpp exports no latencies",
        "queue: llama.cpp exports no latencies",
        "requests: llama.cpp counts tokens, not requests",
        "prefix_cache_hit_ratio: llama.cpp does not export it",
      ],
    },
  },
  {
    fixture: "goodput",
    why: "a series that appears during the level grew from nothing",
    says: {
      engine: "goodput",
      replicas: 1,
      ttft: { count: 20, mean: 10, p50: 8.125, p95: 17.5, p99: 19.5 },
      itl: { count: 300, mean: 2, p50: 1.75, p95: 2.425, p99: 2.485 },
      e2e: { count: 20, mean: 40, p50: 37.5, p95: 48.75, p99: 49.75 },
      queue: { count: 20, mean: 2, p50: 2.777778, p95: 7.5, p99: 9.5 },
      requests: 20,
      prompt_tokens: 640,
      generation_tokens: 320,
      running_max: 2,
      waiting_max: 1,
      kv_cache_usage_max: 0.125,
      prefix_cache_hit_ratio: 0.35,
      gpu_memory_used_bytes_max: 3 * 1024 ** 3,
      unavailable: [],
    },
  },
];

for (const { fixture, why, says } of LEVELS) {
  test(`${fixture}: ${why}`, async () => {
    const [before, after] = [page(`${fixture}-before`), page(`${fixture}-after`)];
    const { server } = await observed({ [URL_A]: [before, after, after] });
    assert.deepEqual(server, says);
  });
}

test("an engine is known by its page, even by one that has counted nothing yet", () => {
  for (const { fixture, says } of LEVELS) {
    assert.equal(engineOf(readMetricsPage(page(`${fixture}-before`)))?.engine, says.engine);
  }
  assert.equal(engineOf(readMetricsPage(page("dcgm"))), undefined);
  assert.equal(engineOf(readMetricsPage("vllm:something_else 1\n")), undefined);
});

test("every engine has a name or a reason for every figure", () => {
  for (const { engine, figures } of ENGINES) {
    assert.deepEqual(Object.keys(figures), Object.keys(FIGURES), engine);
    for (const [figure, source] of Object.entries(figures)) {
      assert.ok("none" in source ? source.none.length > 0 : source.length > 0, `${engine} ${figure}`);
    }
  }
});

test("names are wanted in every spelling, and nothing beside them is", () => {
  for (const name of [
    "vllm:prompt_tokens_total",
    "vllm:prompt_tokens",
    "vllm_prompt_tokens_total",
    "tgi_request_success_total",
    "tgi_request_duration_bucket",
    "sglang_e2e_request_latency_seconds_count",
    "DCGM_FI_DEV_FB_USED",
  ]) {
    assert.ok(isWanted(name), name);
  }
  for (const name of ["vllm:prompt_tokens_created", "process_resident_memory_bytes", "constructor"]) {
    assert.ok(!isWanted(name), name);
  }
});
