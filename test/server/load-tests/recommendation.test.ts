import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { gpusFor } from "../../../server/load-tests/recommendation/formula.ts";
import type { MeasuredGpus } from "../../../server/load-tests/recommendation/gpus.ts";
import { measuredGpus } from "../../../server/load-tests/recommendation/gpus.ts";
import { recommend } from "../../../server/load-tests/recommendation/recommendation.ts";
import { readRecommendation } from "../../../server/load-tests/recommendation/request.ts";
import { recommendationAnswer } from "../../../server/load-tests/recommendation/schemas.ts";
import type { Finding, LevelResult, Result } from "../../../src/index.ts";
import { type CapacityApi, withCapacityApi } from "../../support/capacity-api.ts";
import { send } from "../../support/server.ts";

const PATH = "/api/v1/benchmark/recommend";

/** As seed 000 prints it. */
const documented = {
  server_url: "http://localhost:8000",
  model: "qwen3-14b",
  adapter: "openai",
  workload: {
    peak_concurrency: 500,
    avg_input_tokens: 256,
    avg_output_tokens: 512,
    ttft_target_ms: 500,
    tpot_target_ms: 50,
    goodput_target_percent: 95,
  },
  headroom_percent: 20,
  test_config: { concurrency_steps: [1, 10, 50, 100, 200], num_requests_per_step: 50 },
};

const H100: MeasuredGpus = { model: "NVIDIA H100", count: 1, memoryGb: 80 };

test("[A-43] [A-45] [A-48] [A-49] the documented body is read verbatim: these levels, so many requests, these lengths", () => {
  const { request, warnings } = readRecommendation(documented);
  assert.deepEqual(request.plan, {
    url: "http://localhost:8000",
    model: "qwen3-14b",
    protocol: "openai-chat",
    concurrency: [1, 10, 50, 100, 200],
    requests: 50,
    "input-tokens": 256,
    "output-tokens": 512,
    stream: true,
    timeout: 120,
    seed: 1,
    slo: [
      "goodput_ratio(ttft < 500ms, tpot < 50ms) >= 95%",
      "goodput_ratio(ttft < 500ms) >= 95%",
      "goodput_ratio(tpot < 50ms) >= 95%",
    ],
  });
  assert.equal(request.run.kind, "recommendation");
  assert.deepEqual(warnings, [
    "test_config.num_requests_per_step is 50, so that no more than 50 requests are ever in flight and no higher concurrency can be shown; give at least 200 for the step of 200.",
  ]);
});

test("without a test_config the documented defaults hold, and what is not known is told", () => {
  const { request, warnings } = readRecommendation({
    server_url: "http://h",
    model: "m",
    workload: { peak_concurrency: 5, peek: 1 },
    headroom: 3,
    api_key: "sk-secret",
  });
  assert.deepEqual(request.plan.concurrency, [1, 10, 50, 100, 200]);
  assert.deepEqual([request.plan.requests, request.plan["output-tokens"]], [50, 512]);
  assert.deepEqual(warnings.slice(0, 2), [
    "headroom is not known and was ignored.",
    "workload.peek is not known and was ignored.",
  ]);
  assert.equal(request.apiKey, "sk-secret");
  assert.doesNotMatch(JSON.stringify(request.run), /sk-secret/);
});

test("all mistakes of a body are named at once", () => {
  const rows: [object, string[], string][] = [
    [{}, ["server_url", "model", "workload"], "nothing is there"],
    [
      {
        ...documented,
        workload: { peak_concurrency: 0, goodput_target_percent: 101 },
        headroom_percent: -1,
        stream: false,
        test_config: { concurrency_steps: [], num_requests_per_step: 0 },
      },
      [
        "workload.peak_concurrency",
        "workload.goodput_target_percent",
        "headroom_percent",
        "test_config.concurrency_steps",
        "test_config.num_requests_per_step",
        "stream",
      ],
      "out of range",
    ],
    [
      { ...documented, test_config: { concurrency_steps: [2, 2] } },
      ["test_config.concurrency_steps"],
      "a step twice would be two answers to one question",
    ],
    [{ ...documented, infra: { gpu_count: 0 } }, ["infra.gpu_count"], "no GPUs at all"],
  ];
  for (const [body, fields, reason] of rows) {
    assert.throws(
      () => readRecommendation(body),
      ({ code, details }: { code: string; details: { field: string }[] }) => {
        assert.equal(code, "VALIDATION_ERROR", reason);
        assert.deepEqual(details.map(({ field }) => field).toSorted(), fields.toSorted(), reason);
        return true;
      },
    );
  }
});

test("[A-52] [A-53] [A-54] [A-55] [A-56] [A-57] [A-58] [A-59] [A-51] the sample of seed 000 comes out as it prints it", () => {
  const report = recommend(sample(), question(), H100);
  const { reasoning, certainty, calculation, ...recommendation } = report.recommendation;
  assert.deepEqual(recommendation, {
    model_name: "qwen3-14b",
    recommended_gpu: "NVIDIA H100",
    recommended_count: 5,
    tensor_parallelism: 1,
    estimated_max_concurrency: 600,
    estimated_goodput: 97.2,
    estimated_throughput: 6225,
    headroom_percent: 20,
    calculation_formula: "ceil(500 / 120) × 1.2 = 5",
  });
  assert.equal(calculation, "ceil(500 / 120 × 1.2) = ceil(5) = 5");
  assert.deepEqual(report.current_infra, {
    gpu_model: "NVIDIA H100",
    gpu_count: 1,
    gpu_memory_gb: 80,
    max_concurrency_at_slo: 120,
    throughput_tokens_per_sec: 1245,
    goodput_at_max_concurrency: 97.2,
    saturation_concurrency: 200,
    saturation_goodput: 40,
  });
  assert.deepEqual([report.slo_met, report.client_limited, certainty], [true, false, "shown"]);
  assert.deepEqual(reasoning, {
    ko: "현재 NVIDIA H100 1장으로 최대 120명 동시 처리 가능(목표: 요청의 95% 이상이 TTFT < 500ms, TPOT < 50ms). 피크 500명에 여유 20%를 더하면 5장이 필요합니다.",
    en: "Now 1 × NVIDIA H100 can take up to 120 concurrent requests within the objective (TTFT < 500 ms and TPOT < 50 ms for at least 95 % of requests); 500 at the peak with 20 % headroom need 5.",
  });
});

test("[A-298] eight GPUs that take 120 together make 40 GPUs for 500 users at 20 % headroom", () => {
  const { recommendation } = recommend(sample(), question(), { ...H100, count: 8 });
  assert.equal(recommendation.recommended_count, 40);
  assert.ok((recommendation.estimated_max_concurrency as number) >= 500);
  assert.equal(recommendation.calculation_formula, "ceil(500 / 120) × 1.2 = 5, × 8 GPUs = 40");
});

test("[A-44] [A-47] peak and headroom drive the count", () => {
  const rows: [number, number, number, number, string][] = [
    [500, 120, 20, 5, "the sample"],
    [500, 120, 0, 5, "no headroom: 4.17"],
    [1000, 120, 20, 10, "twice the peak"],
    [500, 120, 100, 9, "twice the headroom: 8.33"],
    [10, 120, 20, 1, "one is always needed"],
    [100, 100, 20, 2, "the headroom alone needs a second"],
    [3, 1, 10, 4, "3.3 is more than 3"],
    [50, 11, 10, 5, "5.000000000000001 in floating point, and 5"],
  ];
  for (const [peak, maxAtSlo, headroomPercent, count, reason] of rows) {
    const { replicas } = gpusFor({ peak, maxAtSlo, headroomPercent, gpuCount: 1 });
    assert.equal(replicas, count, reason);
  }
});

test("what is recommended always holds the peak with its headroom, and one replica less would not", () => {
  const whole = fc.integer({ min: 1, max: 10_000 });
  fc.assert(
    fc.property(
      whole,
      whole,
      fc.integer({ min: 0, max: 200 }),
      fc.integer({ min: 1, max: 16 }),
      (peak, max, h, n) => {
        const { replicas, gpus } = gpusFor({ peak, maxAtSlo: max, headroomPercent: h, gpuCount: n });
        // In whole numbers, which are exact: 100 × replicas × max against peak × (100 + h).
        assert.ok(100 * replicas * max >= peak * (100 + h));
        assert.ok(replicas === 1 || 100 * (replicas - 1) * max < peak * (100 + h));
        assert.equal(gpus, replicas * n);
      },
    ),
    { seed: 1, numRuns: 2_000 },
  );
});

test("only an unbroken row of steps that keep the objective counts", () => {
  const rows: [readonly [number, number][], number | null, number | null, string][] = [
    [
      [
        [1, 100],
        [10, 96],
        [50, 90],
      ],
      10,
      50,
      "the usual",
    ],
    [
      [
        [50, 90],
        [1, 100],
        [10, 96],
      ],
      10,
      50,
      "in whatever order they ran",
    ],
    [
      [
        [1, 100],
        [10, 80],
        [50, 100],
      ],
      1,
      10,
      "a step above one that failed is luck",
    ],
    [
      [
        [1, 100],
        [10, 95],
      ],
      10,
      null,
      "exactly the target keeps it; nothing was too much",
    ],
    [[[1, 94.9]], null, 1, "none keeps it"],
  ];
  for (const [levels, max, saturation, reason] of rows) {
    const result = measured(levels.map(([concurrency, goodput]) => level({ concurrency, goodput })));
    const { current_infra, slo_met, consistent, recommendation } = recommend(result, question(), H100);
    assert.equal(current_infra.max_concurrency_at_slo, max, reason);
    assert.equal(current_infra.saturation_concurrency, saturation, reason);
    assert.equal(slo_met, max !== null, reason);
    const contradicted = reason === "a step above one that failed is luck";
    assert.equal(consistent, !contradicted, reason);
    assert.equal(/But 50 kept it where 10 did not/.test(recommendation.reasoning.en), contradicted, reason);
    assert.equal(/다시 측정하세요/.test(recommendation.reasoning.ko), contradicted, reason);
    if (max === null) {
      assert.equal(recommendation.recommended_count, null);
      assert.equal(recommendation.calculation_formula, null);
      assert.match(recommendation.reasoning.en, /no number is recommended\. 94\.9 % of 50 requests/);
      assert.match(recommendation.reasoning.ko, /추천하지 않습니다/);
    }
  }
});

test("with fewer requests than a step's concurrency only what was in flight counts, and it is said", () => {
  const result = measured([
    level({ concurrency: 10, goodput: 100, issued: 50 }),
    level({ concurrency: 200, goodput: 100, issued: 50 }),
  ]);
  const { current_infra, recommendation } = recommend(result, question(), H100);
  assert.equal(current_infra.max_concurrency_at_slo, 50);
  assert.match(recommendation.reasoning.en, /With 50 requests per step no more were ever in flight/);
  assert.match(recommendation.reasoning.en, /the capacity may be higher/);
});

test("what too few requests cannot show is said to be only seen", () => {
  const { recommendation } = recommend(
    measured([level({ concurrency: 10, goodput: 100, outcome: "inconclusive" })]),
    question(),
    { ...H100, model: "unknown" },
  );
  assert.equal(recommendation.certainty, "observed");
  assert.equal(recommendation.recommended_gpu, "unknown");
  assert.match(recommendation.reasoning.en, /1 × GPU \(of unknown model\).*not shown at 95 % confidence/);
  assert.match(recommendation.reasoning.ko, /GPU\(모델 미상\) 1장.*확인된 것은 아닙니다/);
});

test("a generator that was the limit makes no recommendation, where the step decides", () => {
  const late = (at: string, lvl: Finding["level"] = "invalid"): Finding => ({
    code: "generator_late",
    level: lvl,
    at,
    happened: "h",
    matters: "m",
    advice: "a",
  });
  const rows: [Finding, boolean, string][] = [
    [late("concurrency 10"), true, "in a step that kept the objective"],
    [late("concurrency 200"), true, "in the one that did not: perhaps because of the generator"],
    [late("concurrency 400"), false, "above, where nothing is decided any more"],
    [late("concurrency 10", "note"), false, "noted, and not spoiling"],
    [{ ...late("concurrency 10"), code: "not_steady" }, false, "about the server"],
  ];
  for (const [finding, limited, reason] of rows) {
    const levels = [...sample().levels, level({ concurrency: 400, goodput: 0 })];
    const report = recommend({ levels, findings: [finding] }, question(), H100);
    assert.equal(report.client_limited, limited, reason);
    assert.equal(report.recommendation.recommended_count, limited ? null : 5, reason);
    assert.equal(report.current_infra.max_concurrency_at_slo, 120, reason);
    if (limited) {
      assert.match(report.recommendation.reasoning.en, /generator_late at concurrency.*at least 120/, reason);
      assert.match(report.recommendation.reasoning.ko, /부하 생성기/, reason);
    }
  }
});

test("a price gives the cost of a month, and none gives none", () => {
  const priced = recommend(sample(), question({ infra: { gpu_hourly_usd: 2 } }), H100).recommendation;
  assert.equal(priced.estimated_monthly_cost_usd, 5 * 2 * 730);
  const { recommendation } = recommend(sample(), question(), H100);
  assert.ok(!("estimated_monthly_cost_usd" in recommendation));
});

test("GPUs are the request's, or the target's own, or unknown; never this machine's", async () => {
  const dcgm = [0, 1]
    .map((gpu) => `DCGM_FI_DEV_GPU_UTIL{gpu="${gpu}",UUID="GPU-${gpu}",modelName="NVIDIA A100"} 5`)
    .join("\n");
  const own = JSON.stringify({ gpu: { devices: [{ name: "NVIDIA L4", memory_total_gb: 24 }] } });
  const rows: [object, string, string, MeasuredGpus, string][] = [
    [{ infra: { gpu_model: "H200", gpu_count: 8 } }, dcgm, "text/plain", gpus("H200", 8), "both are given"],
    [{}, `${dcgm}\n${dcgm}`, "text/plain", gpus("NVIDIA A100", 2), "NVIDIA's exporter, each card once"],
    [{ gpu_count: 4 }, dcgm, "text/plain", gpus("NVIDIA A100", 4), "the count is given"],
    [{ gpu_model: "H200" }, dcgm, "text/plain", gpus("H200", 1), "a count of other cards is none of these"],
    [{}, own, "application/json", gpus("NVIDIA L4", 1, 24), "goodput's own server"],
    [{}, '{"gpu":{"devices":[]}}', "application/json", gpus("unknown", 1), "a server without any"],
    [{}, "{", "application/json", gpus("unknown", 1), "not what it says it is"],
    [
      {},
      "vllm:num_requests_running 1",
      "text/plain",
      gpus("unknown", 1),
      "an engine that tells nothing of it",
    ],
  ];
  for (const [more, text, type, expected, reason] of rows) {
    const get = async () => ({ status: 200, headers: { "content-type": type }, text });
    assert.deepEqual(await measuredGpus(question(more), { get }), expected, reason);
  }
  const silent = await measuredGpus(question(), { get: () => Promise.reject(new Error("gone")) });
  assert.deepEqual(silent, gpus("unknown", 1));
});

test("[A-285] [A-13] [A-14] [A-15] [A-50] [A-51] [A-60] a server that takes C at a time is found to", () =>
  // Within the target up to four at once; with eight, half of them wait for a whole answer first.
  withCapacityApi({ ttftMs: 250, gapMs: 75, capacity: 4 }, async (api) => {
    const { url, target, runs } = api;
    const started = await send(`${url}${PATH}`, {
      body: {
        ...documented,
        server_url: target.url,
        workload: {
          peak_concurrency: 20,
          avg_input_tokens: 16,
          avg_output_tokens: 4,
          ttft_target_ms: 500,
          tpot_target_ms: 500,
        },
        test_config: { concurrency_steps: [2, 4, 8], num_requests_per_step: 8 },
        infra: { gpu_model: "NVIDIA H100", gpu_count: 2 },
        warmup: 4,
      },
    });
    assert.equal(started.status, 200, started.text);
    const { run_id: runId, ...rest } = started.json;
    assert.deepEqual(rest, { status: "started" }, "[A-50]");
    const going = await send(`${url}${PATH}/${runId}/result`);
    assert.equal(going.status, 202);
    assert.match(going.json.status, /^(pending|running)$/);
    await runs.ended(runId);

    const status = await send(`${url}${PATH}/${runId}`);
    assert.deepEqual(
      [status.json.status, status.json.server_url, status.json.model, status.json.error],
      ["completed", target.url, "qwen3-14b", null],
    );
    const { json } = await send(`${url}${PATH}/${runId}/result?language=en`);
    recommendationAnswer.strict().parse(json);
    assert.equal(json.client_limited, false, json.recommendation.reasoning);
    assert.equal(json.slo_met, true);
    assert.equal(json.current_infra.max_concurrency_at_slo, 4);
    assert.equal(json.current_infra.saturation_concurrency, 8);
    // ceil(20 / 4 × 1.2) = 6 times two GPUs.
    assert.equal(json.recommendation.recommended_count, 12);
    assert.equal(json.recommendation.estimated_max_concurrency, 24);
    assert.deepEqual(
      json.test_results.map(({ concurrency, total_requests, meets_slo }: Record<string, unknown>) => [
        concurrency,
        total_requests,
        meets_slo,
      ]),
      [
        [2, 8, true],
        [4, 8, true],
        [8, 8, false],
      ],
      "[A-60]",
    );
    assert.ok(target.seen.bodies.every(({ max_tokens: most }) => most === 4));
    const korean = await send(`${url}${PATH}/${runId}/result`);
    assert.match(korean.json.recommendation.reasoning, /^현재 NVIDIA H100 2장으로 최대 4명 동시 처리 가능/);
    assert.equal((await send(`${url}${PATH}/${runId}/result?language=fr`)).status, 400);
  }));

test("[A-46] each of the three targets can flip whether a level keeps the objective", () =>
  // Every fourth request fails.
  withCapacityApi(
    { ttftMs: 30, gapMs: 10, fault: (n) => (n % 4 === 3 ? { kind: "status", status: 500 } : undefined) },
    async (api) => {
      const kept = { ttft_target_ms: 5_000, tpot_target_ms: 5_000, goodput_target_percent: 75 };
      const rows: [object, boolean, string][] = [
        [kept, true, "three of four are enough"],
        [{ ...kept, ttft_target_ms: 10 }, false, "no first token comes so early"],
        [{ ...kept, tpot_target_ms: 2 }, false, "no token comes so fast"],
        [{ ...kept, goodput_target_percent: 80 }, false, "one of four is too many that fail"],
      ];
      for (const [targets, met, reason] of rows) {
        const report = await ended(api, targets);
        assert.equal(report.slo_met, met, reason);
        assert.equal(report.test_results[0].meets_slo, met, reason);
        if (!met) assert.equal(report.recommendation.recommended_count, null, reason);
      }
    },
  ));

test("[A-13] [A-16] the key is needed to start and to delete where one is configured, and not to read", () =>
  withCapacityApi(
    { ttftMs: 50 },
    async ({ url, target, store, runs }) => {
      const key = { "x-api-key": "the-key" };
      const body = { ...documented, server_url: target.url };
      assert.equal((await send(`${url}${PATH}`, { body })).status, 401);
      const { json } = await send(`${url}${PATH}/`, { body, headers: key });
      assert.equal(json.status, "started", "[A-43] the documented body, verbatim but for the target");
      const at = `${url}${PATH}/${json.run_id}`;
      assert.equal((await send(at)).status, 200, "[A-14]");
      assert.equal((await send(`${at}/result`)).status, 202, "[A-15]");
      assert.equal((await send(at, { method: "DELETE" })).status, 401);
      const deleted = await send(at, { method: "DELETE", headers: key });
      assert.deepEqual([deleted.status, deleted.json], [200, { deleted: json.run_id }], "[A-16]");
      assert.equal(await store.find(json.run_id), undefined);
      assert.equal(runs.progress(json.run_id), undefined);
      assert.equal((await send(at)).status, 404);
      assert.equal((await send(`${at}/result`)).status, 404);
      assert.equal((await send(at, { method: "DELETE", headers: key })).status, 404);
      const metadata = { ...body, server_url: "http://169.254.169.254" };
      const refused = await send(`${url}${PATH}`, { body: metadata, headers: key });
      assert.deepEqual([refused.status, refused.json.error.code], [400, "URL_VALIDATION_ERROR"]);
    },
    { apiKey: "the-key" },
  ));

test("a run that was stopped or is of another kind has no recommendation", () =>
  withCapacityApi({ ttftMs: 50 }, async ({ url, target, runs, request }) => {
    const { json } = await send(`${url}${PATH}`, { body: { ...documented, server_url: target.url } });
    await runs.stop(json.run_id);
    await runs.ended(json.run_id);
    const { json: result, status } = await send(`${url}${PATH}/${json.run_id}/result`);
    assert.equal(status, 200);
    recommendationAnswer.strict().parse(result);
    assert.deepEqual([result.status, result.recommendation, result.slo_met], ["cancelled", null, null]);
    const other = await runs.start(request());
    assert.equal((await send(`${url}${PATH}/${other.runId}`)).status, 404);
    await runs.ended(other.runId);
  }));

async function ended({ url, target, runs }: CapacityApi, targets: object) {
  const workload = { peak_concurrency: 2, avg_input_tokens: 16, avg_output_tokens: 3, ...targets };
  const test_config = { concurrency_steps: [1], num_requests_per_step: 4 };
  const { json } = await send(`${url}${PATH}`, {
    body: { server_url: target.url, model: "m", workload, test_config, warmup: 0 },
  });
  await runs.ended(json.run_id);
  return (await send(`${url}${PATH}/${json.run_id}/result`)).json;
}

function question(more: object = {}) {
  return readRecommendation({ ...documented, ...more }).question;
}

function gpus(model: string, count: number, memoryGb?: number): MeasuredGpus {
  return { model, count, memoryGb };
}

function sample(): Pick<Result, "levels" | "findings"> {
  return measured([
    level({ concurrency: 1, goodput: 100 }),
    level({ concurrency: 10, goodput: 100 }),
    level({ concurrency: 120, goodput: 97.2, throughput: 1245, issued: 1000 }),
    level({ concurrency: 200, goodput: 40, issued: 1000, outcome: "violated" }),
  ]);
}

function measured(levels: readonly LevelResult[]): Pick<Result, "levels" | "findings"> {
  return { levels, findings: [] };
}

/** As far as a recommendation looks at one. */
function level({
  concurrency,
  goodput,
  throughput = 100,
  issued = 50,
  outcome = "met",
}: {
  concurrency: number;
  goodput: number;
  throughput?: number;
  issued?: number;
  outcome?: string;
}): LevelResult {
  return {
    name: `concurrency ${concurrency}`,
    load: { kind: "closed", concurrency },
    requests: { issued },
    metrics: { output_throughput: throughput },
    objectives: [{ observed: goodput / 100, samples: 50, outcome }],
  } as unknown as LevelResult;
}
