import assert from "node:assert/strict";
import { test } from "node:test";
import { readLoadTest } from "../../../server/load-tests/runs/load-test-request.ts";
import { dockerSocketOf } from "../../../server/load-tests/validation/docker-engine.ts";
import { validationAnswer } from "../../../server/load-tests/validation/schema.ts";
import {
  concludeWithValidation,
  type ValidationOptions,
  validateAgainstServer,
} from "../../../server/load-tests/validation/validation.ts";
import type { Result } from "../../../src/index.ts";
import { withFakeDocker } from "../../support/fake-docker.ts";
import { withRunApi } from "../../support/run-api.ts";
import { send } from "../../support/server.ts";
import { levelWith, resultWith } from "../../support/view-api.ts";

interface Step {
  readonly step: string;
  readonly message: string;
  readonly status: string;
}

async function validated(result: Result, options: Partial<ValidationOptions> = {}) {
  const steps: Step[] = [];
  const validation = await validateAgainstServer(
    result,
    {
      tolerance: 0.05,
      containerName: undefined,
      dockerSocket: undefined,
      dockerEnabled: false,
      startedAt: "2026-03-14T09:26:53.000Z",
      ...options,
    },
    (step) => void steps.push(step),
  );
  validationAnswer.strict().parse(validation);
  return { validation, steps };
}

const SERVER = { engine: "vllm", replicas: 1, unavailable: [] };
const page = (requests: number, tokens: number, ttftMs: number) => ({
  ...SERVER,
  requests,
  generation_tokens: tokens,
  ttft: { count: requests, mean: ttftMs },
});

test("[A-33] client and server that count alike pass, and every step is told", async () => {
  const result = resultWith([
    levelWith(1, { outputTokens: 1000, ttftMs: 200, server: page(100, 1000, 195) }),
    levelWith(10, { outputTokens: 1000, ttftMs: 400, server: page(100, 1010, 395) }),
  ]);
  const { validation, steps } = await validated(result);
  assert.equal(validation.overall_passed, true);
  assert.deepEqual(
    validation.comparisons.map(({ metric_name, client_value, server_value, passed }) => [
      metric_name,
      client_value,
      server_value,
      passed,
    ]),
    [
      ["requests", 200, 200, true],
      ["generation_tokens", 2000, 2010, true],
      ["ttft_mean", 300, 295, true],
    ],
  );
  assert.deepEqual(validation.sources, { prometheus: "compared", container_logs: "off" });
  assert.deepEqual(
    steps.map(({ step, status }) => [step, status]),
    [
      ["start", "running"],
      ["prometheus", "passed"],
      ["prometheus", "passed"],
      ["prometheus", "passed"],
      ["end", "passed"],
    ],
  );
});

const TOLERANCES = [
  [0.05, false],
  [0.5, true],
] as const;
for (const [tolerance, passed] of TOLERANCES) {
  test(`[A-36] a gap of 10 % at a tolerance of ${tolerance} ${passed ? "passes" : "fails"}`, async () => {
    const result = resultWith([levelWith(1, { outputTokens: 900, server: page(100, 1000, 0) })]);
    const { validation, steps } = await validated(result, { tolerance });
    assert.equal(validation.tolerance, tolerance);
    assert.equal(validation.overall_passed, passed);
    const tokens = validation.comparisons.find((one) => one.metric_name === "generation_tokens");
    assert.deepEqual([tokens!.difference_percent, tokens!.passed], [10, passed]);
    assert.equal(steps.at(-1)!.status, passed ? "passed" : "failed");
  });
}

test("requests that failed may have been counted or not, others may not", async () => {
  const of = async (counted: number) => {
    const level = levelWith(1, { completed: 80, failed: 20, server: { ...SERVER, requests: counted } });
    const { validation } = await validated(resultWith([level]), { tolerance: 0 });
    assert.match(validation.warnings.join(" "), /20 requests failed or were cut off/);
    return validation.overall_passed;
  };
  assert.deepEqual(
    [await of(79), await of(80), await of(93), await of(100), await of(101)],
    [false, true, true, true, false],
  );
});

test("a time to first token within 5 ms agrees on however fast a server", async () => {
  const of = async (ms: number) => {
    const level = levelWith(1, { ttftMs: ms, server: page(100, 0, 1) });
    return (await validated(resultWith([level]))).validation.comparisons.at(-1)!.passed;
  };
  assert.deepEqual([await of(5.9), await of(6.1)], [true, false]);
});

test("levels of which the server told nothing are left out on both sides, and named", async () => {
  const result = resultWith([
    levelWith(1, { outputTokens: 500, server: { ...SERVER, generation_tokens: 500 } }),
    levelWith(10, { outputTokens: 900 }),
  ]);
  const { validation } = await validated(result);
  assert.equal(validation.overall_passed, true);
  assert.deepEqual(
    validation.comparisons.map(({ metric_name, client_value }) => [metric_name, client_value]),
    [["generation_tokens", 500]],
  );
  assert.ok(validation.warnings.includes("generation_tokens: not compared at concurrency 10."));
  assert.ok(validation.warnings.includes("requests: not compared at concurrency 1, concurrency 10."));
});

test("with nothing to compare with nothing passes, and the reason is told", async () => {
  const none = await validated(resultWith([levelWith(1)]));
  assert.equal(none.validation.overall_passed, null);
  assert.match(none.validation.reason!, /No metrics page of the server could be read/);
  assert.equal(none.steps.at(-1)!.status, "warning");
  const unknown = {
    engine: "unknown",
    replicas: 0,
    unavailable: ["no page has the names of an engine that is known"],
  };
  const { validation } = await validated(resultWith([levelWith(1, { server: unknown })]), {
    dockerEnabled: true,
  });
  assert.equal(validation.overall_passed, null);
  assert.match(validation.reason!, /no page has the names of an engine/);
  assert.match(validation.reason!, /there is no Docker socket/);
  assert.deepEqual(validation.sources, { prometheus: "unavailable", container_logs: "unavailable" });
});

/** As vLLM's uvicorn has it, with what else is in such a log. */
function logOf(answers: readonly number[]): string {
  const line = (status: number, i: number) =>
    `INFO:     172.17.0.1:${40000 + i} - "POST /v1/chat/completions HTTP/1.1" ${status} ${status === 200 ? "OK" : "Internal Server Error"}\n`;
  return [
    "INFO 03-14 09:26:50 [loggers.py:111] Engine 000: Avg prompt throughput: 0.0 tokens/s\n",
    'INFO:     127.0.0.1:1 - "GET /metrics HTTP/1.1" 200 OK\n',
    'INFO:     127.0.0.1:1 - "POST /tokenize HTTP/1.1" 200 OK\n',
    ...answers.map(line),
  ].join("");
}
const times = (count: number, status: number) => Array.from({ length: count }, () => status);
const PORTS = [{ PrivatePort: 8000, PublicPort: 8000 }];

for (const tty of [false, true]) {
  test(`[A-35] the container behind the target's port is found, and its log counted${tty ? " (a terminal's)" : ""}`, () =>
    withFakeDocker(
      [
        { id: "a1", name: "db", ports: [{ PrivatePort: 5432, PublicPort: 5432 }] },
        { id: "b2", name: "vllm", ports: PORTS, tty, log: logOf(times(103, 200)) },
      ],
      async ({ socketPath, asked }) => {
        const { validation } = await validated(resultWith([levelWith(1)]), {
          dockerEnabled: true,
          dockerSocket: socketPath,
          tolerance: 0,
        });
        assert.equal(validation.container, "vllm");
        assert.deepEqual(validation.comparisons, [
          {
            metric_name: "logged_requests",
            source: "container_logs",
            unit: "requests",
            client_value: 103,
            server_value: 103,
            difference_percent: 0,
            passed: true,
          },
        ]);
        assert.equal(validation.sources.container_logs, "compared");
        assert.equal(asked.at(-1), "/containers/b2/logs?stdout=1&stderr=1&since=1773480413.000");
      },
    ));
}

test("[A-34] the container that is named is the one whose log is read", () =>
  withFakeDocker(
    [
      { id: "a1", name: "other", ports: PORTS, log: logOf(times(103, 200)) },
      { id: "b2", name: "vllm-qwen3-30b", log: logOf([...times(40, 200), ...times(60, 500)]) },
    ],
    async ({ socketPath, asked }) => {
      const { validation } = await validated(resultWith([levelWith(1)]), {
        dockerEnabled: true,
        dockerSocket: socketPath,
        containerName: "vllm-qwen3-30b",
      });
      assert.equal(asked[0], "/containers/vllm-qwen3-30b/json");
      assert.deepEqual([validation.container, validation.overall_passed], ["vllm-qwen3-30b", false]);
      assert.deepEqual(
        [validation.comparisons[0]!.client_value, validation.comparisons[0]!.server_value],
        [103, 40],
      );
    },
  ));

test("a container is found by its address on the engine's network, too", () =>
  withFakeDocker(
    [
      {
        id: "b2",
        name: "llm",
        address: "172.18.0.4",
        ports: [{ PrivatePort: 8000 }],
        log: logOf(times(103, 200)),
      },
    ],
    async ({ socketPath }) => {
      for (const [url, found] of [
        ["http://172.18.0.4:8000/v1", true],
        ["http://llm:8000", true],
        ["http://llm:9000", false],
        ["http://127.0.0.1:8000", false],
        ["http://10.9.8.7:8000", false],
      ] as const) {
        const target = { url, model: "m", protocol: "openai-chat" };
        const { validation } = await validated(resultWith([levelWith(1)], { target }), {
          dockerEnabled: true,
          dockerSocket: socketPath,
        });
        assert.equal(validation.container === "llm", found, url);
        if (!found)
          assert.match(validation.warnings.join(" "), /name it with validation_config\.container_name/);
      }
    },
  ));

const LOGLESS: readonly (readonly [why: string, log: string, name: string | undefined, told: RegExp])[] = [
  ["it has no request lines", "Avg prompt throughput: 0.0\n", undefined, /no line for any request/],
  ["there is none of that name", "", "../../images/json", /no container "\.\.\/\.\.\/images\/json"/],
];
for (const [why, log, containerName, told] of LOGLESS) {
  test(`a log that cannot be counted is a warning and no pass: ${why}`, () =>
    withFakeDocker([{ id: "b2", name: "vllm", ports: PORTS, log }], async ({ socketPath, asked }) => {
      const { validation, steps } = await validated(resultWith([levelWith(1)]), {
        dockerEnabled: true,
        dockerSocket: socketPath,
        containerName,
      });
      assert.deepEqual([validation.overall_passed, validation.comparisons], [null, []]);
      assert.match(validation.warnings.join(" "), told);
      assert.ok(steps.some((one) => one.step === "container_logs" && one.status === "warning"));
      assert.ok(asked.every((path) => path.startsWith("/containers/")));
    }));
}

test("a socket that is not there, or speaks no Docker, is a warning", async () => {
  const of = async (dockerSocket: string) =>
    (
      await validated(resultWith([levelWith(1)]), { dockerEnabled: true, dockerSocket })
    ).validation.warnings.join(" ");
  assert.match(await of("/nowhere/docker.sock"), /there is no Docker socket/);
  await withFakeDocker(
    [],
    async ({ socketPath }) => assert.match(await of(socketPath), /status 500/),
    (_, response) => {
      response.writeHead(500).end("{}");
      return true;
    },
  );
  await withFakeDocker(
    [{ id: "b2", name: "vllm", ports: PORTS }],
    async ({ socketPath }) => assert.match(await of(socketPath), /no form that is known/),
    (path, response) => {
      if (!path.includes("/logs")) return false;
      response.end("no frames at all");
      return true;
    },
  );
});

test("the socket is where DOCKER_HOST says, if that is one", () => {
  assert.equal(dockerSocketOf(undefined), "/var/run/docker.sock");
  assert.equal(dockerSocketOf(""), "/var/run/docker.sock");
  assert.equal(dockerSocketOf("unix:///run/user/1000/docker.sock"), "/run/user/1000/docker.sock");
  assert.equal(dockerSocketOf("tcp://10.0.0.1:2375"), undefined);
});

test("[A-33] [A-37] a run that asks for it has a validation of what a real server counted, others have none", () =>
  withRunApi(
    { ttftMs: 2 },
    async ({ url, target, runs }) => {
      const measure = async (validation_config?: object) => {
        const body = {
          server_url: target.url,
          model: "m",
          num_prompts: 12,
          input_len: 16,
          output_len: 4,
          concurrency: [1, 3],
          ...(validation_config && { validation_config }),
        };
        const { json } = await send(`${url}/api/v1/benchmark/run`, { body });
        await runs.ended(json.run_id);
        return (await send(`${url}/api/v1/benchmark/result/${json.run_id}`)).json;
      };
      const asked = await measure({ enabled: true, docker_enabled: false });
      const { validation } = asked;
      assert.equal(asked.status, "completed");
      assert.equal(validation.tolerance, 0.05, "[A-37] unless another is given");
      assert.deepEqual(
        validation.comparisons
          .map((one: { metric_name: string; client_value: number; server_value: number }) => [
            one.metric_name,
            one.client_value,
            one.server_value,
          ])
          .slice(0, 2),
        [
          ["requests", 24, 24],
          ["generation_tokens", 96, 96],
        ],
      );
      assert.ok(!("validation" in (await measure())));
      assert.ok(!("validation" in (await measure({ enabled: false }))));
    },
    { validation: (config) => concludeWithValidation(config, undefined) },
  ));

for (const tolerance of [-0.01, 1.01, "0.5"]) {
  test(`[A-37] a tolerance of ${JSON.stringify(tolerance)} is refused`, () => {
    const body = { server_url: "http://h", model: "m", validation_config: { enabled: true, tolerance } };
    assert.throws(() => readLoadTest(body), /validation_config\.tolerance: must be a number from 0 to 1/);
  });
}
