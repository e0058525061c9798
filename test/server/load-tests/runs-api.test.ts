import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { readLoadTest } from "../../../server/load-tests/runs/load-test-request.ts";
import { runAnswer, runOperations } from "../../../server/load-tests/runs/schemas.ts";
import { RUN_STATUSES } from "../../../server/store/run-store.ts";
import { type RunApi, withRunApi } from "../../support/run-api.ts";
import { send } from "../../support/server.ts";

/** As seed 000 prints it, but for the target and the numbers, which a test has no time for. */
const documented = (serverUrl: string) => ({
  server_url: serverUrl,
  model: "qwen3-14b",
  adapter: "openai",
  concurrency: [1, 3, 2],
  num_prompts: 6,
  input_len: 32,
  output_len: 8,
  stream: true,
  warmup: 3,
  timeout: 120.0,
  api_key: "optional-key",
  goodput_thresholds: { ttft_ms: 500, tpot_ms: 50, e2e_ms: 3000 },
  validation_config: { enabled: true, container_name: "vllm-qwen3-30b", tolerance: 0.05 },
});

test("[A-4] [A-20] [A-38] the documented body starts a run, whose status, result and place in history can be read [A-5] [A-6] [A-8] [A-65]", () =>
  withRunApi({ ttftMs: 2 }, async (api) => {
    const { url, target, runs } = api;
    const started = await send(`${url}/api/v1/benchmark/run`, { body: documented(target.url) });
    assert.equal(started.status, 200);
    const { run_id: runId, ...rest } = started.json;
    assert.match(runId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.deepEqual(rest, { status: "started" });

    const going = await send(`${url}/api/v1/benchmark/result/${runId}`);
    assert.equal(going.status, 202);
    assert.match(going.json.status, /^(pending|running)$/);
    assert.equal(going.json.progress.concurrency.total, 3);

    await runs.ended(runId);
    const status = await send(`${url}/api/v1/benchmark/run/${runId}`);
    assert.equal(status.status, 200);
    assert.equal(status.json.status, "completed");
    assert.deepEqual(
      [
        status.json.run_id,
        status.json.server_url,
        status.json.model,
        status.json.adapter,
        status.json.framework,
      ],
      [runId, target.url, "qwen3-14b", "openai", null],
    );
    runAnswer.strict().parse(status.json);
    const result = await send(`${url}/api/v1/benchmark/result/${runId}`);
    assert.equal(result.status, 200);
    assert.equal(result.json.run_id, runId);
    const history = await send(`${url}/api/v1/benchmark/history`);
    assert.deepEqual(history.json, { runs: [status.json], total: 1, limit: 50, offset: 0 });
  }));

test("[A-21] [A-22] [A-23] [A-24] [A-25] [A-26] [A-27] [A-28] [A-29] [A-30] [A-31] what the body asks for is what the target gets", () =>
  withRunApi({ ttftMs: 2 }, async (api) => {
    const { target } = api;
    // Fewer than the engine sends by itself, so that it shows whose number counts.
    const run = await measured(api, { ...documented(target.url), warmup: 2 });
    const levels = run.result!.levels;
    assert.deepEqual(
      levels.map(({ load }) => load),
      [1, 3, 2].map((concurrency) => ({ kind: "closed", concurrency })),
      "[A-24] these levels in this order",
    );
    for (const { requests, metrics, load } of levels) {
      assert.equal(requests.issued, 6, "[A-25] requests per level");
      assert.equal(requests.warmup, 2, "[A-29] warm-up is sent");
      assert.ok(load.kind === "closed" && metrics.concurrency! <= load.concurrency);
    }
    assert.equal(target.seen.requests, 3 * (6 + 2), "[A-29] and is in no level");
    assert.equal(target.seen.maxInFlight, 3, "[A-24] never more in flight than asked for");
    for (const body of target.seen.bodies) {
      assert.equal(body.model, "qwen3-14b", "[A-22]");
      assert.ok(Array.isArray(body.messages), "[A-23] chat completions");
      assert.equal(body.max_tokens ?? body.max_completion_tokens, 8, "[A-27]");
      assert.equal(body.stream, true, "[A-28]");
      const words = (body.messages as { content: string }[])[0]!.content.split(/\s+/).length;
      assert.ok(words >= 16 && words <= 48, `[A-26] ${words} words for 32 tokens`);
    }
    assert.ok(
      target.seen.keys.every((key) => key === "Bearer optional-key"),
      "[A-31]",
    );
    assert.equal(run.result!.plan.timeout_seconds, 120, "[A-30]");
  }));

test("[A-28] stream false asks for whole answers", () =>
  withRunApi({}, async (api) => {
    await measured(api, { ...small(api), stream: false });
    assert.ok(api.target.seen.bodies.every(({ stream }) => stream !== true));
  }));

test("[A-30] a request that stalls fails at the timeout, and is counted as an error", () =>
  withRunApi({ fault: (n) => (n === 1 ? { kind: "silence" } : undefined) }, async (api) => {
    const run = await measured(api, { ...small(api), timeout: 0.3, warmup: 0 });
    const { requests } = run.result!.levels[0]!;
    assert.deepEqual(requests.failures, { timeout: 1 });
    assert.equal(requests.completed, 4);
  }));

test("[A-31] [A-294] no answer and no row has the key", () =>
  withRunApi({}, async (api) => {
    const { url, store } = api;
    const key = "sk-secret-of-the-target";
    const body = {
      ...small(api),
      api_key: key,
      vllm_config: { tp: 2, api_key: key, nested: [{ hf_token: key }] },
    };
    const run = await measured(api, body);
    assert.equal(run.config.api_key, "***");
    assert.deepEqual(run.config.vllm_config, { tp: 2, api_key: "***", nested: [{ hf_token: "***" }] });
    const answers = await Promise.all(
      [`run/${run.runId}`, `result/${run.runId}`, "history"].map((path) =>
        send(`${url}/api/v1/benchmark/${path}`),
      ),
    );
    const all = JSON.stringify([answers, await store.find(run.runId)]);
    assert.doesNotMatch(all, new RegExp(key));
  }));

test("[A-32] goodput counts requests that keep all thresholds, over all requests", () =>
  withRunApi(
    { ttftMs: 2, fault: (n) => (n === 0 ? { kind: "status", status: 500 } : undefined) },
    async (api) => {
      const all = { ttft_ms: 5_000, tpot_ms: 5_000, e2e_ms: 5_000 };
      const kept = await measured(api, { ...small(api), warmup: 0, goodput_thresholds: all });
      assert.equal(kept.result!.levels[0]!.metrics.goodput_ratio, 0.8);
      const { json } = await send(`${api.url}/api/v1/benchmark/result/${kept.runId}`);
      const { goodput } = json.results[0];
      assert.deepEqual(
        [goodput.satisfied_requests, goodput.total_requests, goodput.goodput_percent, goodput.ttft_satisfied],
        [4, 5, 80, 4],
      );
      const one = { ...all, ttft_ms: 0.001 };
      const none = await measured(api, { ...small(api), goodput_thresholds: one });
      const { metrics, objectives } = none.result!.levels[0]!;
      assert.equal(metrics.goodput_ratio, 0);
      // Each by itself, so that the result tells which of them was not kept.
      assert.deepEqual(
        objectives.map(({ observed }) => observed),
        [0, 0, 1, 1],
      );
    },
  ));

test("[A-90] [A-91] [A-92] [A-93] [A-94] [A-95] the nested form of seed 001 runs as it says", () =>
  withRunApi({}, async (api) => {
    const { target, url } = api;
    const body = {
      server_url: target.url,
      model: "meta-llama/Llama-3.2-3B-Instruct",
      adapter: "openai",
      config: {
        concurrency_levels: [1, 2, 4],
        num_requests: 10,
        max_input_tokens: 512,
        max_output_tokens: 128,
      },
    };
    const run = await measured(api, body);
    assert.deepEqual(
      run.result!.levels.map(({ name, requests }) => [name, requests.completed]),
      [1, 2, 4].map((n) => [`concurrency ${n}`, 10]),
      "[A-91] [A-92]",
    );
    assert.equal(run.result!.plan.input_tokens, 512, "[A-93]");
    assert.ok(
      target.seen.bodies.every((sent) => (sent.max_tokens ?? sent.max_completion_tokens) === 128),
      "[A-94]",
    );
    assert.deepEqual(run.config.concurrency, [1, 2, 4]);
    const result = await send(`${url}/api/v1/benchmark/result/${run.runId}`);
    assert.equal(result.status, 200, "[A-95]");
    for (const literal of ["{run_id}", "run_id", "%7Brun_id%7D", "..%2f..%2fetc", "%00", "x".repeat(3000)]) {
      const answer = await send(`${url}/api/v1/benchmark/result/${literal}`);
      assert.equal(answer.status, 404, literal.slice(0, 20));
      assert.equal(answer.json.error.code, "NOT_FOUND");
    }
  }));

test("[A-10] a run that is deleted is gone", () =>
  withRunApi({}, async (api) => {
    const { url, lines } = api;
    const run = await measured(api, small(api));
    const at = `${url}/api/v1/benchmark/run/${run.runId}`;
    const deleted = await send(at, { method: "DELETE", headers: { "X-Request-ID": "trace-7" } });
    assert.deepEqual([deleted.status, deleted.json], [200, { deleted: run.runId }]);
    assert.deepEqual(
      lines.filter(({ event }) => event !== undefined).map((line) => [line.event, line.request_id]),
      [
        ["benchmark_started", "req-0"],
        ["benchmark_completed", "req-0"],
        ["benchmark_deleted", "trace-7"],
      ],
      "[A-107]",
    );
    assert.equal((await send(at)).status, 404);
    assert.equal((await send(at, { method: "DELETE" })).status, 404);
    assert.equal((await send(`${url}/api/v1/benchmark/result/${run.runId}`)).status, 404);
  }));

test("a run is stopped once, and its result is kept", () =>
  withRunApi({ ttftMs: 5 }, async (api) => {
    const { url, runs, target } = api;
    const started = await send(`${url}/api/v1/benchmark/run`, {
      body: { ...small(api), num_prompts: 100_000 },
    });
    const { run_id: runId } = started.json;
    await new Promise<void>((resolve) => {
      runs.subscribe(runId, (event) => event.kind === "progress" && event.progress.current > 0 && resolve());
    });
    const at = `${url}/api/v1/benchmark/run/${runId}/stop`;
    const stopped = await send(at, { method: "POST" });
    assert.deepEqual([stopped.status, stopped.json], [200, { run_id: runId, status: "stopping" }]);
    await runs.ended(runId);
    const again = await send(at, { method: "POST" });
    assert.equal(again.status, 409);
    assert.equal(again.json.error.code, "INVALID_STATE");
    const result = await send(`${url}/api/v1/benchmark/result/${runId}`);
    assert.deepEqual([result.status, result.json.status], [200, "cancelled"]);
    assert.ok(target.seen.requests < 100_000);
    assert.equal((await send(`${url}/api/v1/benchmark/run/nobody/stop`, { method: "POST" })).status, 404);
  }));

test("[A-290] why a run failed is stored and returned", () =>
  withRunApi({}, async (api) => {
    const run = await measured(api, { ...small(api), server_url: "http://127.0.0.1:1" });
    for (const path of ["run", "result"]) {
      const { status, json } = await send(`${api.url}/api/v1/benchmark/${path}/${run.runId}`);
      assert.equal(status, 200);
      assert.equal(json.status, "failed");
      assert.equal(json.error.code, "BENCHMARK_FAILED");
      assert.match(json.error.message, /^Cannot reach http:\/\/127\.0\.0\.1:1/);
    }
  }));

test("[A-288] a run of which every request failed says so, and shows no figure of 0", () =>
  withRunApi({ fault: () => ({ kind: "status", status: 503 }) }, async (api) => {
    const run = await measured(api, small(api));
    const { status, json } = await send(`${api.url}/api/v1/benchmark/result/${run.runId}`);
    assert.deepEqual([status, json.status, json.error.code], [200, "failed", "BENCHMARK_FAILED"]);
    const [level] = json.results;
    assert.equal(level.failed_requests, 5);
    assert.deepEqual([level.ttft?.p50 ?? null, level.e2e_latency?.p50 ?? null], [null, null]);
    assert.equal(json.summary.best_ttft_p50, null);
  }));

test("[A-295] history pages, filters and counts truly", () =>
  withRunApi({}, async (api) => {
    const { url, store } = api;
    for (let i = 0; i < 5; i++) {
      const status = RUN_STATUSES[i % 2 === 0 ? 2 : 3]!;
      await store.create({
        runId: `run-${i}`,
        kind: i === 4 ? "recommendation" : "load_test",
        serverUrl: "http://target",
        model: i === 0 ? "other" : "scripted",
        adapter: "openai",
        framework: undefined,
        config: {},
        createdAt: `2026-01-0${i + 1}T00:00:00.000Z`,
        notes: "",
      });
      await store.update(`run-${i}`, { status });
    }
    const page = async (query: string) => {
      const { status, json } = await send(`${url}/api/v1/benchmark/history?${query}`);
      return status === 200
        ? [json.runs.map((run: { run_id: string }) => run.run_id), json.total, json.limit, json.offset]
        : [status, json.error.details.map(({ field }: { field: string }) => field)];
    };
    assert.deepEqual(await page(""), [["run-4", "run-3", "run-2", "run-1", "run-0"], 5, 50, 0]);
    assert.deepEqual(await page("limit=2&offset=1"), [["run-3", "run-2"], 5, 2, 1]);
    assert.deepEqual(await page("offset=99"), [[], 5, 50, 99]);
    assert.deepEqual(await page("status=failed"), [["run-3", "run-1"], 2, 50, 0]);
    assert.deepEqual(await page("status=FAILED&model=other"), [[], 0, 50, 0]);
    assert.deepEqual(await page("limit=-1&offset=-1&status=gone"), [400, ["limit", "offset", "status"]]);
    assert.deepEqual(await page("limit=0"), [400, ["limit"]]);
    assert.deepEqual(await page("limit=501"), [400, ["limit"]]);
    assert.deepEqual(await page("limit=10x"), [400, ["limit"]]);
    assert.deepEqual(await page("limit=1&limit=2"), [400, ["limit"]]);
  }));

const refused = [
  { why: "[A-289] no level", change: { concurrency: [] }, fields: ["concurrency"] },
  { why: "[A-289] a level of none", change: { concurrency: [0] }, fields: ["concurrency.0"] },
  { why: "[A-289] fewer than no requests", change: { num_prompts: -1 }, fields: ["num_prompts"] },
  { why: "[A-289] an adapter nobody has", change: { adapter: "carrier-pigeon" }, fields: ["adapter"] },
  { why: "half a level", change: { concurrency: [1.5] }, fields: ["concurrency.0"] },
  { why: "no time at all", change: { timeout: 0 }, fields: ["timeout"] },
  {
    why: "a tolerance above 1",
    change: { validation_config: { tolerance: 1.1 } },
    fields: ["validation_config.tolerance"],
  },
  { why: "a password in the address", change: { server_url: "http://me:pw@host" }, fields: ["server_url"] },
  { why: "an address of another kind", change: { server_url: "file:///etc/passwd" }, fields: ["server_url"] },
  {
    why: "all mistakes at once",
    change: { model: "", warmup: -1, output_len: "8", stream: "yes" },
    fields: ["model", "output_len", "stream", "warmup"],
  },
  {
    why: "a mistake in the nested form, under the name it has there",
    change: { num_prompts: undefined, config: { num_requests: 0 } },
    fields: ["config.num_requests"],
  },
  {
    why: "both forms at odds",
    change: { config: { num_requests: 7 } },
    fields: ["num_prompts", "config.num_requests"],
  },
];
test("[A-289] a body that is wrong is refused, and every mistake is named", () =>
  withRunApi({}, async (api) => {
    for (const { why, change, fields } of refused) {
      const { status, json } = await send(`${api.url}/api/v1/benchmark/run`, {
        body: { ...small(api), ...change },
      });
      assert.equal(status, 400, why);
      assert.equal(json.error.code, "VALIDATION_ERROR", why);
      assert.deepEqual(
        json.error.details.map(({ field }: { field: string }) => field).toSorted(),
        fields.toSorted(),
        why,
      );
    }
    for (const body of ["{", "[]", "null", ""]) {
      const headers = { "content-type": "application/json" };
      const { status } = await send(`${api.url}/api/v1/benchmark/run`, { method: "POST", headers, body });
      assert.equal(status, 400, body);
    }
    assert.equal((await api.store.list({}, { limit: 1, offset: 0 })).total, 0, "nothing of it was begun");
  }));

test("a target that may not be reached is refused before anything is stored", () => {
  const check = async (url: string, field: string) => {
    throw new TypeError(`${field} ${url}`);
  };
  return withRunApi(
    {},
    async (api) => {
      assert.equal((await send(`${api.url}/api/v1/benchmark/run`, { body: small(api) })).status, 500);
      assert.equal((await api.store.list({}, { limit: 1, offset: 0 })).total, 0);
    },
    { targets: { check } },
  );
});

test("[A-33] a validation is done for those who ask for it", () => {
  const asked: unknown[] = [];
  return withRunApi(
    {},
    async (api) => {
      const plain = await measured(api, { ...small(api), validation_config: { enabled: false } });
      assert.equal(plain.report, undefined, "[A-33] by default there is none");
      const { report } = await measured(api, { ...small(api), validation_config: { enabled: true } });
      assert.deepEqual(report, { overall_passed: true });
      assert.deepEqual(asked, [{ enabled: true, tolerance: 0.05, docker_enabled: true }]);
    },
    {
      validation: (config) => async () => {
        asked.push(config);
        return { report: { overall_passed: true } };
      },
    },
  );
});

test("what is not known is ignored, and said", () => {
  const body = {
    server_url: "http://target",
    model: "m",
    num_promts: 5,
    goodput_thresholds: { ttft: 5 },
    config: { num_requests: 7, concurency_levels: [1] },
  };
  assert.deepEqual(readLoadTest(body).warnings, [
    "num_promts is not known and was ignored; did you mean num_prompts?",
    "goodput_thresholds.ttft is not known and was ignored; did you mean goodput_thresholds.ttft_ms?",
    "config.concurency_levels is not known and was ignored; did you mean config.concurrency_levels?",
  ]);
});

test("both forms may say the same", () => {
  const body = {
    server_url: "http://target",
    model: "m",
    concurrency: [1, 2],
    config: { concurrency_levels: [1, 2] },
  };
  assert.deepEqual(readLoadTest(body).request.plan.concurrency, [1, 2]);
});

test("prompts are such as no server has seen, unless warm ones are asked for", () => {
  const read = (more: object) => readLoadTest({ server_url: "http://target", model: "m", ...more });
  assert.equal(read({}).request.plan["prompt-cache"], "cold");
  const { plan, run } = read({ prompt_cache: "warm" }).request;
  assert.deepEqual([plan["prompt-cache"], run.config.prompt_cache], ["warm", "warm"]);
  assert.throws(() => read({ prompt_cache: "hot" }), /prompt_cache: must be cold or warm/);
});

test("a duration ends a level, and without a number of requests it alone does", () => {
  const plan = (more: object) => {
    const { requests, duration } = readLoadTest({ server_url: "http://target", model: "m", ...more }).request
      .plan;
    return { requests, duration };
  };
  assert.deepEqual(plan({}), { requests: 100, duration: undefined });
  assert.deepEqual(plan({ duration_seconds: 30 }), { requests: undefined, duration: 30 });
  assert.deepEqual(plan({ duration_seconds: 30, num_prompts: 5 }), { requests: 5, duration: 30 });
});

test("[A-3] the health of load tests tells of the database and of what goes on", () =>
  withRunApi({}, async ({ url }) => {
    const { status, json } = await send(`${url}/api/v1/benchmark/health`);
    assert.equal(status, 200);
    assert.deepEqual(
      { ...json, version: "", timestamp: "" },
      {
        status: "healthy",
        version: "",
        timestamp: "",
        dependencies: { database: "connected" },
        runs: { running: 0, pending: 0 },
      },
    );
    assert.match(json.timestamp, /Z$/);
  }));

test("every route is described, and its body as JSON Schema", () => {
  assert.deepEqual(
    runOperations.map(({ method, path }) => `${method} ${path.replace("/api/v1/benchmark", "")}`),
    [
      "post /run",
      "get /run/:run_id",
      "post /run/:run_id/stop",
      "delete /run/:run_id",
      "get /result/:run_id",
      "get /history",
      "get /health",
      "get /ws/stats",
    ],
  );
  for (const { body, query, answers, example } of runOperations) {
    for (const schema of [body, query, ...Object.values(answers).map((answer) => answer.schema)]) {
      if (schema !== undefined) z.toJSONSchema(schema, { io: "input" });
    }
    if (example !== undefined) assert.equal(body?.safeParse(example).success, true);
  }
});

const small = ({ target }: Pick<RunApi, "target">) => ({
  server_url: target.url,
  model: "scripted",
  num_prompts: 5,
  input_len: 16,
  output_len: 4,
  warmup: 0,
});

/** Starts a run and waits for its end. */
async function measured({ url, runs }: RunApi, body: object) {
  const { status, text, json } = await send(`${url}/api/v1/benchmark/run`, { body });
  assert.equal(status, 200, text);
  const run = await runs.ended(json.run_id);
  assert.ok(run);
  return run;
}
