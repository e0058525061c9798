import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type InstanceMetrics, readInstanceMetrics } from "../../../server/agent/collect/instance-metrics.ts";

const page = (name: string) => readFileSync(`test/fixtures/metrics/${name}.prom`, "utf8");

/** Ten seconds lie between the two pages of a fixture. */
const between = (name: string, secondsAgo = 10): InstanceMetrics =>
  readInstanceMetrics(page(`${name}-after`), {
    text: page(`${name}-before`),
    secondsAgo,
    forRateOnly: false,
  });

/** Numbers alone, worked out by hand from the two pages. */
const VLLM = {
  // 13 + 47 + 5 + 49 under `stop` and `length` of two engines; one was aborted.
  request_metrics: [114, 1, 0.085, 0.015, 1.05, 0.01],
  // The fuller of two caches, 41 and 62 percent; 6 + 5 running, 2 + 1 waiting.
  gpu_metrics: [62, null, 11, 3, 0.25],
  // 3100 tokens in ten seconds.
  throughput_metrics: [310, 3815, 27100],
  unavailable: ["memory_usage_bytes"],
};

const PAGES = [
  { name: "vllm", why: "labels are summed, also those of several engines on one page", ...VLLM },
  { name: "vllm-older", why: "older versions have other names", ...VLLM },
  { name: "vllm-openmetrics", why: "underscores for colons, and exemplars", ...VLLM },
  {
    name: "sglang",
    why: "ranks repeat one another",
    request_metrics: [11248, 2, 0.2, 0.009, 1.8, 0.04],
    gpu_metrics: [28, null, 8, 3, 0.25],
    throughput_metrics: [256, 7560132, 8139242],
    unavailable: ["memory_usage_bytes"],
  },
  {
    name: "tgi",
    why: "no first tokens, no cache; tokens are sums of histograms",
    request_metrics: [10, 1, null, 0.025, 1.25, 0.015],
    gpu_metrics: [null, null, 4, 2, null],
    throughput_metrics: [64, 640, 2000],
    unavailable: ["time_to_first_token_seconds", "cache_usage_perc", "memory_usage_bytes", "cache_hit_rate"],
  },
  {
    name: "llamacpp",
    why: "tokens and slots, nothing of requests",
    request_metrics: [null, null, null, null, null, null],
    gpu_metrics: [18.75, null, 4, 1, null],
    throughput_metrics: [25.6, 320, 600],
    unavailable: [
      "success_total",
      "failure_total",
      "time_to_first_token_seconds",
      "time_per_output_token_seconds",
      "e2e_request_latency_seconds",
      "queue_time_seconds",
      "memory_usage_bytes",
      "cache_hit_rate",
    ],
  },
  {
    name: "goodput",
    why: "this project's own server knows the GPU's memory; a failure that never was is none",
    request_metrics: [21, 0, 0.01, 0.002, 0.04, 0.002],
    gpu_metrics: [12.5, 3 * 1024 ** 3, 2, 1, 0.35],
    throughput_metrics: [32, 336, 672],
    unavailable: [],
  },
] as const;

for (const { name, why, ...expected } of PAGES) {
  test(`[A-182] [A-183] [A-184] [A-185] [A-186] ${name}: ${why}`, () => {
    const { request_metrics, gpu_metrics, throughput_metrics, unavailable, ...rest } = between(name);
    const { quantiles, ...means } = request_metrics;
    assert.deepEqual(
      {
        request_metrics: Object.values(means),
        gpu_metrics: Object.values(gpu_metrics),
        throughput_metrics: Object.values(throughput_metrics),
        unavailable,
      },
      expected,
    );
    assert.equal(rest.engine, name.split("-")[0]);
    assert.deepEqual(Object.keys(rest.unavailable_reasons), unavailable);
    assert.equal(rest.interval_seconds, 10);
    const measured = Object.entries(means).filter(([key, mean]) => key.endsWith("_seconds") && mean !== null);
    assert.deepEqual(
      Object.keys(quantiles),
      measured.map(([key]) => key),
    );
  });
}

test("fields have the names of the reference", () => {
  const { request_metrics, gpu_metrics, throughput_metrics } = between("vllm");
  assert.deepEqual(Object.keys(request_metrics).slice(0, 5), [
    "success_total",
    "failure_total",
    "time_to_first_token_seconds",
    "time_per_output_token_seconds",
    "e2e_request_latency_seconds",
  ]);
  assert.deepEqual(Object.keys(gpu_metrics).slice(0, 4), [
    "cache_usage_perc",
    "memory_usage_bytes",
    "num_requests_running",
    "num_requests_waiting",
  ]);
  assert.deepEqual(Object.keys(throughput_metrics), [
    "tokens_per_second",
    "generation_tokens_total",
    "prompt_tokens_total",
  ]);
});

test("the first reading gives means of all requests, and a rate once there is a second one", () => {
  const first = readInstanceMetrics(page("vllm-after"));
  // 8.95 s + 5.25 s of 115 requests.
  assert.equal(first.request_metrics.time_to_first_token_seconds, 0.123478261);
  assert.equal(first.averaged_over.time_to_first_token_seconds, "lifetime");
  assert.equal(first.throughput_metrics.tokens_per_second, null);
  assert.equal(first.unavailable_reasons.tokens_per_second, "it takes two readings, and there was one");
  const text = page("vllm-before");
  const forRate = readInstanceMetrics(page("vllm-after"), { text, secondsAgo: 1, forRateOnly: true });
  assert.deepEqual(forRate.request_metrics, first.request_metrics);
  assert.equal(forRate.throughput_metrics.tokens_per_second, 3100);
});

test("where no request ended since the reading before, means are of all requests, and say so", () => {
  const text = page("vllm-after");
  const { request_metrics, averaged_over, throughput_metrics } = readInstanceMetrics(text, {
    text,
    secondsAgo: 30,
    forRateOnly: false,
  });
  assert.equal(request_metrics.time_to_first_token_seconds, 0.123478261);
  assert.equal(averaged_over.time_to_first_token_seconds, "lifetime");
  assert.equal(throughput_metrics.tokens_per_second, 0);
});

test("an engine that restarted counts from 0, and nothing becomes negative", () => {
  const text = "vllm:generation_tokens_total 1000\nvllm:request_success_total 90\n";
  const after = "vllm:generation_tokens_total 50\nvllm:request_success_total 3\n";
  const metrics = readInstanceMetrics(after, { text, secondsAgo: 5, forRateOnly: false });
  assert.equal(metrics.throughput_metrics.tokens_per_second, 10);
  assert.equal(metrics.request_metrics.success_total, 3);
  assert.match(metrics.warnings.join(), /restarts: it counts from 0/);
});

test("a page that is of another engine than the one before is a first one", () => {
  const previous = { text: page("vllm-after"), secondsAgo: 5, forRateOnly: false };
  const metrics = readInstanceMetrics(page("tgi-after"), previous);
  assert.equal(metrics.throughput_metrics.tokens_per_second, null);
  assert.equal(metrics.interval_seconds, null);
});

const GAUGES = [
  ["vllm:kv_cache_usage_perc 0.97", 97, "[300] a share becomes a percentage"],
  ["vllm:gpu_cache_usage_perc 0.755", 75.5, "without the noise of binary fractions"],
  ["vllm:kv_cache_usage_perc 0.57", 57, "which 0.57 × 100 has"],
  ["vllm:kv_cache_usage_perc 75.5\n", null, "what is no share is not guessed at"],
  ["vllm:kv_cache_usage_perc NaN", null, "and neither is what is no number"],
] as const;

for (const [line, expected, why] of GAUGES) {
  test(`[A-183] ${line.trim()} → ${expected}: ${why}`, () => {
    const { gpu_metrics, unavailable } = readInstanceMetrics(`${line}\nvllm:num_requests_running 1\n`);
    assert.equal(gpu_metrics.cache_usage_perc, expected);
    assert.equal(unavailable.includes("cache_usage_perc"), expected === null);
  });
}

test("a time per token is the mean per request where the engine has one, else the time between tokens", () => {
  const between = "vllm:inter_token_latency_seconds_sum 3\nvllm:inter_token_latency_seconds_count 100\n";
  const perRequest =
    "vllm:request_time_per_output_token_seconds_sum 2\nvllm:request_time_per_output_token_seconds_count 50\n";
  const time = (text: string) => readInstanceMetrics(text).request_metrics.time_per_output_token_seconds;
  assert.equal(time(between), 0.03);
  assert.equal(time(between + perRequest), 0.04);
});

test("quantiles beyond the last finite bucket are told as more than it", () => {
  const name = "vllm:time_to_first_token_seconds";
  const text = [
    `${name}_bucket{le="0.1"} 50`,
    `${name}_bucket{le="1"} 90`,
    `${name}_bucket{le="+Inf"} 100`,
    `${name}_sum 200`,
    `${name}_count 100`,
  ].join("\n");
  const { quantiles, time_to_first_token_seconds } = readInstanceMetrics(text).request_metrics;
  assert.equal(time_to_first_token_seconds, 2);
  assert.deepEqual(quantiles.time_to_first_token_seconds, {
    p50: 0.1,
    p95: 1,
    p99: 1,
    above: ["p95", "p99"],
  });
});

test("SGLang's own figures of its last batch serve where counters are missing", () => {
  const text = "sglang:num_running_reqs 1\nsglang:gen_throughput 86.5\nsglang:cache_hit_rate 0.4\n";
  const { throughput_metrics, gpu_metrics } = readInstanceMetrics(text);
  assert.equal(throughput_metrics.tokens_per_second, 86.5);
  assert.equal(gpu_metrics.cache_hit_rate, 0.4);
});

test("Text Generation Inference exports what it counted, so that nothing there is nothing counted", () => {
  const { request_metrics, unavailable_reasons } = readInstanceMetrics(page("tgi-before"));
  assert.deepEqual([request_metrics.success_total, request_metrics.failure_total], [0, 0]);
  assert.equal(
    unavailable_reasons.time_per_output_token_seconds,
    "the page has no tgi_request_mean_time_per_token_duration",
  );
});

const NO_PAGES = [
  ["", /none of the names/, "an empty page"],
  [page("dcgm"), /none of the names/, "an exporter's"],
  [page("odd/html"), /HTML/, "a website's"],
  [page("odd/json"), /JSON/, "an API's"],
  ['vllm:num_requests_running{engine="0', /line 1 is no metric/, "one that breaks off"],
  ["vllm:num_requests_running one\n", /line 1 is no metric/, "one without a number"],
] as const;

for (const [text, reason, why] of NO_PAGES) {
  test(`what is no engine's page is refused with the reason: ${why}`, () => {
    assert.throws(() => readInstanceMetrics(text), { name: "SyntaxError", message: reason });
  });
}
