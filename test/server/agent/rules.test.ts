import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  BOTTLENECK_RULES,
  BOTTLENECK_TYPES,
  SEVERITIES,
} from "../../../server/agent/analysis/bottleneck-rules.ts";
import { detectBottlenecks } from "../../../server/agent/analysis/detect-bottlenecks.ts";
import { factsOf } from "../../../server/agent/analysis/facts.ts";
import { type FlaggedEngine, OPTIMIZATION_RULES } from "../../../server/agent/analysis/optimization-rules.ts";
import {
  type KnownBottleneck,
  recommendOptimizations,
} from "../../../server/agent/analysis/recommend-optimizations.ts";
import { detectAnswer, detectBody, recommendAnswer } from "../../../server/agent/analysis/schemas.ts";
import { agentApi, engineWith } from "../../support/agent-api.ts";
import { send } from "../../support/server.ts";

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const DETECT = "/api/v1/analysis/detect-bottlenecks";
const RECOMMEND = "/api/v1/optimization/recommend";

const HEALTHY = {
  request_metrics: { time_to_first_token_seconds: 0.05, time_per_output_token_seconds: 0.02 },
  gpu_metrics: { cache_usage_perc: 75.5, num_requests_running: 5, num_requests_waiting: 2 },
  throughput_metrics: { tokens_per_second: 500 },
};

async function detected(metrics: object) {
  await using api = await agentApi();
  const { status, json } = await send(api.url + DETECT, { body: { instance_id: "vllm-1", metrics } });
  assert.equal(status, 200, JSON.stringify(json));
  assert.deepEqual(detectAnswer.parse(json), json);
  return json;
}

test("[A-190] [A-191] [A-192] [A-193] the reference's two bottlenecks come out as it prints them", async () => {
  const { bottlenecks, instance_id, analysis_timestamp } = await detected({
    request_metrics: { time_to_first_token_seconds: 0.15 },
    gpu_metrics: { cache_usage_perc: 90 },
  });
  assert.equal(instance_id, "vllm-1");
  assert.match(analysis_timestamp, ISO);
  assert.deepEqual(bottlenecks, [
    {
      type: "MEMORY_PRESSURE",
      severity: "HIGH",
      description: "GPU memory usage at 90%, approaching capacity",
      metric_name: "memory_usage",
      current_value: 0.9,
      threshold_value: 0.8,
      recommendation: "Enable quantization or reduce batch size",
      detected_at: analysis_timestamp,
    },
    {
      type: "HIGH_LATENCY",
      severity: "MEDIUM",
      description: "Time to first token exceeds threshold",
      metric_name: "ttft",
      current_value: 0.15,
      threshold_value: 0.1,
      recommendation: "Optimize KV cache or enable speculative decoding",
      detected_at: analysis_timestamp,
    },
  ]);
});

/** One section and field, its value, and the severity with what is told; none where it is no bottleneck. */
const ROWS = [
  ["gpu_metrics", "cache_usage_perc", 80, undefined, "the threshold itself is none"],
  [
    "gpu_metrics",
    "cache_usage_perc",
    81,
    "MEDIUM GPU memory usage at 81%, approaching capacity",
    "above it is",
  ],
  [
    "gpu_metrics",
    "cache_usage_perc",
    89.96,
    "MEDIUM GPU memory usage at 90%, approaching capacity",
    "below 90",
  ],
  [
    "gpu_metrics",
    "cache_usage_perc",
    95,
    "CRITICAL GPU memory usage at 95%, approaching capacity",
    "[A-198] severe",
  ],
  ["gpu_metrics", "cache_usage_perc", 97, "CRITICAL GPU memory usage at 97%, approaching capacity", "[300]"],
  [
    "gpu_metrics",
    "memory_usage",
    0.9,
    "HIGH GPU memory usage at 90%, approaching capacity",
    "[A-192] as a share",
  ],
  ["request_metrics", "time_to_first_token_seconds", 0.1, undefined, "the threshold itself"],
  [
    "request_metrics",
    "time_to_first_token_seconds",
    0.12,
    "LOW Time to first token exceeds threshold",
    "[A-197] × 1.2",
  ],
  [
    "request_metrics",
    "time_to_first_token_seconds",
    0.2,
    "HIGH Time to first token exceeds threshold",
    "× 2",
  ],
  [
    "request_metrics",
    "time_to_first_token_seconds",
    0.21,
    "CRITICAL Time to first token exceeds threshold",
    "more",
  ],
  [
    "request_metrics",
    "time_per_output_token_seconds",
    0.055,
    "LOW Time per output token exceeds threshold",
    "tpot",
  ],
  ["gpu_metrics", "num_requests_waiting", 10, undefined, "ten may wait"],
  ["gpu_metrics", "num_requests_waiting", 13, "MEDIUM 13 requests are waiting in the queue", "[A-195]"],
  ["throughput_metrics", "tokens_per_second", 100, undefined, "enough"],
  [
    "throughput_metrics",
    "tokens_per_second",
    60,
    "HIGH Generation at 60 tokens/s is below threshold",
    "[A-194]",
  ],
  [
    "throughput_metrics",
    "tokens_per_second",
    0,
    "CRITICAL Generation at 0 tokens/s is below threshold",
    "none",
  ],
  ["gpu_metrics", "cache_hit_rate", 0.5, "MEDIUM Prefix cache hit rate at 50%, below threshold", "[A-196]"],
  ["request_metrics", "cache_hit_rate", 0.7, undefined, "at the threshold"],
] as const;

for (const [section, field, value, expected, why] of ROWS) {
  test(`${field} ${value}: ${expected ?? "no bottleneck"} (${why})`, async () => {
    const { bottlenecks } = await detected({ [section]: { [field]: value } });
    const told = bottlenecks.map((one: Record<string, unknown>) => `${one.severity} ${one.description}`);
    assert.deepEqual(told, expected === undefined ? [] : [expected]);
  });
}

test("[A-199] healthy metrics have no bottleneck, and neither has what was not measured", async () => {
  assert.deepEqual((await detected(HEALTHY)).bottlenecks, []);
  const nothing = { time_to_first_token_seconds: null, time_per_output_token_seconds: null };
  assert.deepEqual((await detected({ request_metrics: nothing, gpu_metrics: null })).bottlenecks, []);
});

test("a share of memory that is told goes before the cache's, also when it is 0", async () => {
  const gpu_metrics = { memory_usage: 0, cache_usage_perc: 99 };
  assert.deepEqual((await detected({ gpu_metrics })).bottlenecks, []);
});

test("an idle engine is not slow, a busy one is", async () => {
  const throughput_metrics = { tokens_per_second: 0 };
  const at = async (running: number, waiting: number) => {
    const gpu_metrics = { num_requests_running: running, num_requests_waiting: waiting };
    return (await detected({ gpu_metrics, throughput_metrics })).bottlenecks.length;
  };
  assert.deepEqual([await at(0, 0), await at(1, 0), await at(0, 1)], [0, 1, 1]);
});

test("the gravest comes first, and every type and severity has a rule that gives it", async () => {
  const { bottlenecks } = await detected({
    request_metrics: { time_to_first_token_seconds: 0.11, time_per_output_token_seconds: 1 },
    gpu_metrics: { cache_usage_perc: 92, num_requests_waiting: 14, cache_hit_rate: 0.6 },
    throughput_metrics: { tokens_per_second: 10 },
  });
  const severities = bottlenecks.map(({ severity }: { severity: never }) => SEVERITIES.indexOf(severity));
  assert.deepEqual(severities, severities.toSorted());
  assert.deepEqual([...new Set(severities)], [0, 1, 2, 3]);
  assert.deepEqual(new Set(bottlenecks.map(({ type }: { type: string }) => type)), new Set(BOTTLENECK_TYPES));
});

test("what was collected can be sent on as it came", async () => {
  const page = "vllm:kv_cache_usage_perc 0.97\nvllm:num_requests_running 3\nvllm:num_requests_waiting 0\n";
  await using engine = await engineWith(page);
  await using api = await agentApi();
  const body = { instance_id: "a", instance_type: "vllm", metrics_url: engine.url };
  const { json: metrics } = await send(`${api.url}/api/v1/metrics/collect`, { body });
  const { json } = await send(api.url + DETECT, { body: { instance_id: "a", metrics } });
  assert.deepEqual(
    json.bottlenecks.map(({ type, severity, current_value }: Record<string, unknown>) => [
      type,
      severity,
      current_value,
    ]),
    [["MEMORY_PRESSURE", "CRITICAL", 0.97]],
  );
});

test("metrics of any numbers are refused, or analysed with nothing told that is within its threshold", () => {
  const value = fc.option(
    fc.oneof(fc.double({ noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat()),
  );
  const section = fc.record({ cache_hit_rate: value, tokens_per_second: value, num_requests_waiting: value });
  let analysed = 0;
  fc.assert(
    fc.property(section, section, (gpu_metrics, throughput_metrics) => {
      const body = { instance_id: "a", metrics: { gpu_metrics, throughput_metrics } };
      const { data } = detectBody.safeParse(body);
      if (data === undefined) return;
      analysed++;
      for (const one of detectBottlenecks(factsOf(data.metrics), "2026-01-01T00:00:00Z")) {
        const { bad } = BOTTLENECK_RULES.find(({ metricName }) => metricName === one.metric_name)!;
        const over = one.current_value - one.threshold_value;
        assert.ok(bad === "above" ? over > 0 : over < 0);
        assert.ok(SEVERITIES.includes(one.severity));
      }
    }),
    { seed: 1, numRuns: 500 },
  );
  assert.ok(analysed > 50);
});

const PRINTED = [
  ["[A-200]", DETECT, '{\n    "instance_id": "vllm-1",\n    "metrics": {...}\n  }'],
  [
    "[A-211]",
    RECOMMEND,
    '{\n    "instance_id": "vllm-1",\n    "instance_type": "vllm",\n    "bottlenecks": [...]\n  }',
  ],
] as const;

for (const [number, path, body] of PRINTED) {
  test(`${number} the reference's curl for ${path} is no JSON, and is told where`, async () => {
    await using api = await agentApi();
    const headers = { "content-type": "application/json" };
    const { status, json } = await send(api.url + path, { body, headers });
    assert.deepEqual([status, json.error.code], [400, "VALIDATION_ERROR"]);
    assert.equal(json.error.details[0].position, body.indexOf("..."));
  });
}

const INVALID = [
  [DETECT, { metrics: HEALTHY }, "instance_id", "an id is needed"],
  [DETECT, { instance_id: "a" }, "metrics", "and metrics"],
  [DETECT, { instance_id: "a", metrics: {} }, "metrics", "with a section"],
  [DETECT, { instance_id: "a", metrics: [] }, "metrics", "in an object"],
  [DETECT, { instance_id: "a", metrics: { gpu_metrics: 5 } }, "metrics.gpu_metrics", "of objects"],
  [
    DETECT,
    { instance_id: "a", metrics: { gpu_metrics: { cache_usage_perc: "90" } } },
    "metrics.gpu_metrics.cache_usage_perc",
    "of numbers",
  ],
  [
    DETECT,
    { instance_id: "a", metrics: { gpu_metrics: { cache_usage_perc: 101 } } },
    "metrics.gpu_metrics.cache_usage_perc",
    "that are possible",
  ],
  [
    DETECT,
    { instance_id: "a", metrics: { request_metrics: { time_to_first_token_seconds: -1 } } },
    "metrics.request_metrics.time_to_first_token_seconds",
    "and not negative",
  ],
  [RECOMMEND, { instance_id: "a", instance_type: "vllm" }, "bottlenecks", "bottlenecks are needed"],
  [
    RECOMMEND,
    { instance_id: "a", instance_type: "vllm", bottlenecks: [], current_config: [] },
    "current_config",
    "a configuration is an object",
  ],
] as const;

for (const [path, body, field, why] of INVALID) {
  test(`${path} refuses ${JSON.stringify(body)}: ${why}`, async () => {
    await using api = await agentApi();
    const { status, json } = await send(api.url + path, { body });
    assert.deepEqual(
      [status, json.error.code, json.error.details[0].field],
      [400, "VALIDATION_ERROR", field],
    );
  });
}

test("[A-187] an unknown type of bottleneck is told with those that are known", async () => {
  await using api = await agentApi();
  const body = { instance_id: "a", instance_type: "vllm", bottlenecks: [{ type: "RAIN" }] };
  const { status, json } = await send(api.url + RECOMMEND, { body });
  assert.equal(status, 400);
  assert.equal(json.error.message, "Invalid bottlenecks.0.type");
  assert.deepEqual(json.error.details.allowed_values, BOTTLENECK_TYPES);
});

test("[A-240] an analysis that fails is 500 and says nothing of its inside", async () => {
  const fails = () => {
    throw new TypeError("inside");
  };
  await using api = await agentApi({ detect: fails, recommend: fails });
  const answers = [
    await send(api.url + DETECT, { body: { instance_id: "a", metrics: HEALTHY } }),
    await send(api.url + RECOMMEND, { body: { instance_id: "a", instance_type: "vllm", bottlenecks: [] } }),
  ];
  for (const { status, json, text } of answers) {
    assert.deepEqual([status, json.error.code], [500, "ANALYSIS_ERROR"]);
    assert.doesNotMatch(text, /inside/);
  }
});

const SAMPLE = {
  instance_id: "vllm-1",
  instance_type: "vllm",
  bottlenecks: [{ type: "MEMORY_PRESSURE", severity: "HIGH", description: "High memory usage" }],
  current_config: { max_batch_size: 32, quantization: null },
};

test("[A-201] [A-202] [A-203] [A-204] [A-205] the reference's sample gives its two optimizations, with flags of vLLM", async () => {
  await using api = await agentApi();
  const { status, json } = await send(api.url + RECOMMEND, { body: SAMPLE });
  assert.equal(status, 200);
  assert.deepEqual(recommendAnswer.parse(json), json);
  assert.deepEqual([json.instance_id, json.optimizations.length], ["vllm-1", 2]);
  assert.match(json.recommendation_timestamp, ISO);
  const [quantization, cache] = json.optimizations;
  const { engine_args, note, addresses, source, ...printed } = quantization;
  assert.deepEqual(printed, {
    type: "QUANTIZATION",
    priority: "HIGH",
    description: "Enable INT4 quantization to reduce memory usage by 50%",
    estimated_improvement: { memory_reduction: 0.5, latency_impact: 0.1 },
    config_changes: { quantization: "int4" },
    risks: ["Slight accuracy degradation possible", "Requires model reload"],
  });
  assert.deepEqual(engine_args, ["--quantization", "awq"]);
  assert.deepEqual([addresses, source], [["MEMORY_PRESSURE"], "the API's reference"]);
  assert.match(note, /AWQ/);
  assert.deepEqual(cache, {
    type: "KV_CACHE",
    priority: "MEDIUM",
    description: "Optimize KV cache block size",
    estimated_improvement: { memory_reduction: 0.15 },
    config_changes: { block_size: 16 },
    engine_args: ["--block-size", "16"],
    addresses: ["MEMORY_PRESSURE"],
    source: "the API's reference",
  });
});

test("[A-209] the configuration is optional, and words come in any case", async () => {
  await using api = await agentApi();
  const bottlenecks = [{ type: "memory_pressure", severity: "critical" }];
  const body = { instance_id: "a", instance_type: "SGLang", bottlenecks };
  const { status, json } = await send(api.url + RECOMMEND, { body });
  assert.equal(status, 200);
  assert.equal(json.optimizations[0].priority, "CRITICAL");
  assert.deepEqual(json.optimizations[1].engine_args, ["--page-size", "16"]);
  const none = await send(api.url + RECOMMEND, { body: { ...body, bottlenecks: [] } });
  assert.deepEqual(none.json.optimizations, []);
});

const advice = (
  types: readonly KnownBottleneck["type"][],
  config: Record<string, unknown> = {},
  engine: FlaggedEngine = "vllm",
) =>
  recommendOptimizations(
    types.map((type) => ({ type })),
    engine,
    config,
  );

/** What is advised, as `TYPE change=value`. */
const ADVICE = [
  [["QUEUE_BUILDUP"], { max_batch_size: 32 }, ["BATCHING max_batch_size=64"], "[206] twice as many"],
  [
    ["LOW_THROUGHPUT"],
    { max_num_seqs: 200 },
    ["BATCHING max_batch_size=256"],
    "[A-206] under any name, no more than 256",
  ],
  [["LOW_THROUGHPUT"], {}, ["BATCHING max_batch_size=64"], "where nothing is said, twice 32"],
  [
    ["QUEUE_BUILDUP"],
    { max_batch_size: 256 },
    ["BATCHING max_batched_tokens=8192"],
    "a full batch takes larger steps",
  ],
  [
    ["HIGH_LATENCY"],
    {},
    [
      "SPECULATIVE_DECODING speculative_method=ngram num_speculative_tokens=4",
      "KV_CACHE enable_prefix_caching=true",
      "QUANTIZATION quantization=int8",
    ],
    "[A-207] [A-208] three ways to be faster",
  ],
  [
    ["HIGH_LATENCY"],
    { quantization: "fp8", "enable-prefix-caching": true, speculative_config: {} },
    [],
    "[A-210] nothing that is set already",
  ],
  [["CACHE_INEFFICIENCY"], {}, ["KV_CACHE enable_prefix_caching=true"], "caching first"],
  [
    ["CACHE_INEFFICIENCY"],
    { enable_prefix_caching: true },
    ["KV_CACHE gpu_memory_utilization=0.95"],
    "then room",
  ],
  [
    ["MEMORY_PRESSURE"],
    { quantization: "awq" },
    ["KV_CACHE block_size=16", "KV_CACHE kv_cache_dtype=fp8"],
    "[A-210]",
  ],
  [
    ["MEMORY_PRESSURE"],
    { quantization: "none", block_size: 16 },
    ["QUANTIZATION quantization=int4", "KV_CACHE kv_cache_dtype=fp8"],
    "blocks are small already, and none is no quantization",
  ],
  [
    ["HIGH_LATENCY", "MEMORY_PRESSURE", "CACHE_INEFFICIENCY"],
    { speculate: 2 },
    ["QUANTIZATION quantization=int4", "KV_CACHE block_size=16", "KV_CACHE enable_prefix_caching=true"],
    "one setting is advised once",
  ],
] as const;

for (const [types, config, expected, why] of ADVICE) {
  test(`${types.join(" and ")} with ${JSON.stringify(config)}: ${why}`, () => {
    const told = advice(types, config).map(({ type, config_changes }) =>
      [type, ...Object.entries(config_changes).map((change) => change.join("="))].join(" "),
    );
    assert.deepEqual(told, expected);
  });
}

test("the most pressing advice comes first, whatever the order of the rules", () => {
  const graded = [
    { type: "MEMORY_PRESSURE", severity: "LOW" },
    { type: "QUEUE_BUILDUP", severity: "CRITICAL" },
  ] as const;
  assert.deepEqual(
    recommendOptimizations(graded, "vllm").map(({ type, priority }) => `${type} ${priority}`),
    ["BATCHING CRITICAL", "KV_CACHE MEDIUM", "QUANTIZATION LOW"],
  );
});

test("one setting that is for two bottlenecks says so", () => {
  const prefixes = advice(["HIGH_LATENCY", "CACHE_INEFFICIENCY"]).find(({ type }) => type === "KV_CACHE");
  assert.deepEqual(prefixes?.addresses, ["HIGH_LATENCY", "CACHE_INEFFICIENCY"]);
});

/** Flags that the engines' own references have. */
const FLAGS: Readonly<Record<FlaggedEngine, RegExp>> = {
  vllm: /^--(quantization|block-size|kv-cache-dtype|speculative-config|enable-prefix-caching|gpu-memory-utilization|max-num-seqs|max-num-batched-tokens)$/,
  sglang:
    /^--(quantization|page-size|kv-cache-dtype|speculative-algorithm|speculative-num-draft-tokens|schedule-policy|mem-fraction-static|max-running-requests|chunked-prefill-size)$/,
  tgi: /^--(quantize|kv-cache-dtype|speculate|cuda-memory-fraction|max-concurrent-requests|max-batch-prefill-tokens)$/,
  llamacpp: /^--(cache-type-k|cache-type-v|cache-reuse|parallel|batch-size)$/,
};

test("every advice is a flag of its engine with its value in it, or a note why there is none", () => {
  for (const engine of Object.keys(FLAGS) as FlaggedEngine[]) {
    for (const config of [{}, { block_size: 16, max_batch_size: 256, enable_prefix_caching: true }]) {
      for (const { engine_args, note, description } of advice(BOTTLENECK_TYPES, config, engine)) {
        assert.ok(engine_args.length > 0 || note !== undefined, `${engine}: ${description}`);
        for (const word of engine_args) {
          assert.doesNotMatch(word, /^\{\w+\}$/, `${engine}: ${description}`);
          if (word.startsWith("--")) assert.match(word, FLAGS[engine]);
        }
        assert.doesNotMatch(description, /\{/);
      }
    }
  }
});

test("an instance whose page is llama.cpp's gets llama.cpp's flags", async () => {
  await using engine = await engineWith("llamacpp:requests_processing 4\nllamacpp:requests_deferred 20\n");
  await using api = await agentApi();
  const instance = { instance_id: "local", instance_type: "vllm" };
  await send(`${api.url}/api/v1/metrics/collect`, { body: { ...instance, metrics_url: engine.url } });
  const body = { ...instance, bottlenecks: [{ type: "QUEUE_BUILDUP" }] };
  const { json } = await send(api.url + RECOMMEND, { body });
  assert.deepEqual(json.optimizations[0].engine_args, ["--parallel", "64"]);
});

test("every rule can be read as a row: a threshold or a change, and where it comes from", () => {
  for (const { source, threshold, recommendation } of BOTTLENECK_RULES) {
    assert.ok(source.length > 10 && threshold > 0 && recommendation.length > 10);
  }
  for (const { source, on } of OPTIMIZATION_RULES) assert.ok(source.length > 10 && on.length > 0);
  assert.deepEqual(new Set(OPTIMIZATION_RULES.flatMap(({ on }) => on)), new Set(BOTTLENECK_TYPES));
});
