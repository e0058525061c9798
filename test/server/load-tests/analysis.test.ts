import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { events, send } from "../../support/server.ts";
import { levelWith, resultWith, type ViewApi, withViewApi } from "../../support/view-api.ts";

const MEASURED = resultWith(
  [
    levelWith(1, { ttftMs: 45.2, tpotMs: 9.1, e2eMs: 1200, tokensPerSecond: 105, good: 100 }),
    levelWith(10, { ttftMs: 90, tpotMs: 11, e2eMs: 1500, tokensPerSecond: 850, good: 98 }),
    levelWith(50, {
      completed: 90,
      failed: 10,
      ttftMs: 640,
      tpotMs: 18,
      e2eMs: 4100,
      tokensPerSecond: 870,
      good: 12,
    }),
  ],
  {
    findings: [
      {
        code: "same_host",
        level: "note",
        happened: "The target, 127.0.0.1, is on the machine that generates the load.",
        matters: "They share its cores.",
        advice: "Use another machine.",
      },
    ],
  },
);

const analysisOf = ({ url }: ViewApi, runId: string, query: Record<string, string> = {}) =>
  send(`${url}/api/v1/benchmark/result/${runId}/analysis?${new URLSearchParams(query)}`);
const contentOf = (text: string): string =>
  events(text)
    .map((one) => one.content ?? "")
    .join("");

const LANGUAGES = [
  ["ko", {}],
  ["en", { language: "en" }],
] as const;
for (const [language, query] of LANGUAGES) {
  test(`[A-17] a report of the figures comes as events, in ${language}`, () =>
    withViewApi(async (api) => {
      const runId = await api.put({ result: MEASURED });
      const answer = await analysisOf(api, runId, query);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers["content-type"], "text/event-stream; charset=utf-8");
      assert.ok(answer.text.endsWith("\n\ndata: [DONE]\n\n"));
      const told = events(answer.text);
      assert.ok(told.length > 1 && told.every((one) => Object.keys(one).join() === "content"));
      const file = new URL(`../../golden/analysis/${language}.md`, import.meta.url);
      if (process.env.UPDATE_GOLDEN === "1") await writeFile(file, contentOf(answer.text));
      assert.equal(contentOf(answer.text), await readFile(file, "utf8"));
    }));
}

test("[A-301] the report states the true error rate, of all requests", () =>
  withViewApi(async (api) => {
    const levels = [levelWith(1, { completed: 93, failed: 7 }), levelWith(10, { completed: 900, failed: 0 })];
    const runId = await api.put({ result: resultWith(levels) });
    const english = contentOf((await analysisOf(api, runId, { language: "en" })).text);
    assert.match(english, /The error rate is 0\.7 %: 7 of 1000 requests failed\./);
    assert.match(contentOf((await analysisOf(api, runId)).text), /오류율은 0\.7%입니다\. 요청 1000건 중 7건/);
  }));

test("a rate is never rounded to nothing, nor to everything", () =>
  withViewApi(async (api) => {
    const of = async (completed: number, failed: number) => {
      const runId = await api.put({ result: resultWith([levelWith(1, { completed, failed })]) });
      const text = contentOf((await analysisOf(api, runId, { language: "en" })).text);
      return /The error rate is ([\d.]+) %/.exec(text)?.[1];
    };
    assert.deepEqual(
      [await of(99_999, 1), await of(1, 99_999), await of(5, 0), await of(0, 5), await of(2, 1)],
      ["0.001", "99.999", "0", "100", "33.3"],
    );
  }));

test("a wait that nobody notices is no queue, however it grew", () =>
  withViewApi(async (api) => {
    const levels = [levelWith(1, { ttftMs: 1, tpotMs: 1 }), levelWith(8, { ttftMs: 60, tpotMs: 4 })];
    const runId = await api.put({ result: resultWith(levels) });
    const text = contentOf((await analysisOf(api, runId, { language: "en" })).text);
    assert.match(text, /the 95th percentile of TTFT becomes 60 times/);
    assert.doesNotMatch(text, /requests wait before|share the decoding/);
  }));

const RULES: readonly (readonly [what: string, levels: Parameters<typeof resultWith>[0], told: RegExp])[] = [
  ["one level", [levelWith(4, { ttftMs: 5, tokensPerSecond: 10 })], /Measure several levels/],
  [
    "throughput that goes on growing",
    [levelWith(1, { tokensPerSecond: 10 }), levelWith(2, { tokensPerSecond: 19 })],
    /Measure above concurrency 2/,
  ],
  [
    "throughput that has stopped",
    [1, 2, 4, 8].map((n) => levelWith(n, { tokensPerSecond: Math.min(n, 4) * 10 })),
    /Throughput stops growing at concurrency 4:/,
  ],
  [
    "throughput that falls",
    [levelWith(1, { tokensPerSecond: 40 }), levelWith(9, { tokensPerSecond: 20 })],
    /Throughput stops growing at concurrency 1:/,
  ],
  [
    "levels in any order",
    [levelWith(8, { tokensPerSecond: 80, good: 10 }), levelWith(1, { tokensPerSecond: 10, good: 100 })],
    /Keep the load at concurrency 1 or below/,
  ],
  ["all levels good", [levelWith(1, { good: 100 })], /the limit lies above concurrency 1/],
  ["no level good", [levelWith(1, { good: 10 })], /No load that was measured keeps the thresholds/],
  ["no thresholds", [levelWith(1)], /No thresholds were given/],
  [
    "a queue",
    [levelWith(1, { ttftMs: 10 }), levelWith(8, { ttftMs: 310 })],
    /Time to first token becomes 31 times as long/,
  ],
  [
    "slower decoding",
    [levelWith(1, { tpotMs: 10 }), levelWith(8, { tpotMs: 15 })],
    /Each token takes 1\.5 times as long/,
  ],
  ["few requests", [levelWith(1, { completed: 12 })], /A level has 12 answered requests only/],
  [
    "nothing answered",
    [levelWith(1, { completed: 0, failed: 9 })],
    /100 % of the requests failed, most of them with http/,
  ],
  ["nothing sent", [], /No request was sent, so there is no error rate/],
];
for (const [what, levels, told] of RULES) {
  test(`the report sees ${what}`, () =>
    withViewApi(async (api) => {
      const runId = await api.put({ result: resultWith(levels) });
      assert.match(contentOf((await analysisOf(api, runId, { language: "en" })).text), told);
    }));
}

test("what a target or a caller named adds no mark to the report", () =>
  withViewApi(async (api) => {
    const model = "# Title\n\n| a | b |\n[link](javascript:alert(1)) <script>";
    const level = levelWith(1, { failed: 1, examples: { http_5xx: "\n## All is well\u001b[2J" } });
    const runId = await api.put({ result: resultWith([level]) }, { model });
    const text = contentOf((await analysisOf(api, runId, { language: "en" })).text);
    assert.equal(text.match(/^#/gm)?.length, 6);
    assert.doesNotMatch(text, /<script>|\u001b|\[link\]\(/);
  }));

test("a run that was not to be believed says so, and so does one that failed", () =>
  withViewApi(async (api) => {
    const finding = {
      code: "late",
      level: "invalid",
      happened: "It was late.",
      matters: "",
      advice: "",
    } as const;
    const spoilt = resultWith([levelWith(1)], { valid: false, findings: [finding] });
    const of = async (runId: string) => contentOf((await analysisOf(api, runId, { language: "en" })).text);
    assert.match(
      await of(await api.put({ result: spoilt })),
      /\*\*Not to be believed\*\*: It was late\.[\s\S]*Do not use these figures/,
    );
    const error = { code: "BENCHMARK_FAILED", message: "The process was gone." };
    assert.match(
      await of(await api.put({ status: "failed", error })),
      /The run failed: The process was gone\./,
    );
  }));

test("a run that still goes, an unknown one and mistakes are answered before anything is streamed", () =>
  withViewApi(
    async (api) => {
      const going = await api.put({ status: "running", completedAt: undefined });
      assert.equal((await analysisOf(api, going)).status, 202);
      assert.equal((await analysisOf(api, "{run_id}")).status, 404);
      const runId = await api.put({ result: MEASURED });
      for (const [query, field] of [
        [{ language: "fr" }, "language"],
        [{ is_thinking_model: "maybe" }, "is_thinking_model"],
        [{ server_url: "ftp://127.0.0.1" }, "server_url"],
        [{ server_url: "http://169.254.169.254" }, "server_url"],
        [{ server_url: "http://10.0.0.9:8000" }, "server_url"],
      ] as const) {
        const { status, json } = await analysisOf(api, runId, query);
        assert.equal(status, 400, field);
        assert.equal(json.error.details[0].field, field);
      }
    },
    { allowed: ["127.0.0.1"] },
  ));
