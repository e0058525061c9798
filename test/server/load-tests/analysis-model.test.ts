import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { events, send } from "../../support/server.ts";
import { levelWith, resultWith, type ViewApi, withViewApi } from "../../support/view-api.ts";

const MEASURED = resultWith([levelWith(1), levelWith(10, { completed: 190, failed: 10 })]);

const analysisOf = ({ url }: ViewApi, runId: string, query: Record<string, string> = {}) =>
  send(`${url}/api/v1/benchmark/result/${runId}/analysis?${new URLSearchParams(query)}`);

/** A model whose stream is what a test says, and what it was asked. */
async function withModel(
  answer: (response: ServerResponse) => void,
  work: (url: string, asked: { path: string; body: Record<string, unknown> }[]) => Promise<void>,
): Promise<void> {
  const asked: { path: string; body: Record<string, unknown> }[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    let text = "";
    for await (const piece of request) text += piece;
    asked.push({ path: request.url ?? "", body: JSON.parse(text) });
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked);
  } finally {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }
}
const streaming =
  (deltas: readonly object[], end = "data: [DONE]\n\n") =>
  (response: ServerResponse) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const delta of deltas) response.write(`data: ${JSON.stringify({ choices: [{ delta }] })}\n\n`);
    response.end(end);
  };
/** What came after the report. */
const added = (text: string) => events(text).slice(6);

test("a model that is named adds its own words, after the report and made from it", () =>
  withViewApi(async (api) =>
    withModel(
      streaming([{ role: "assistant" }, { content: "Add " }, { content: "servers." }]),
      async (url, asked) => {
        const runId = await api.put({ result: MEASURED });
        const { text } = await analysisOf(api, runId, {
          server_url: `${url}/v1`,
          model: "judge",
          language: "en",
        });
        assert.deepEqual(added(text), [
          { content: "## What the model adds\n\n" },
          { content: "Add " },
          { content: "servers." },
        ]);
        assert.ok(text.endsWith("data: [DONE]\n\n"));
        assert.equal(asked[0]!.path, "/v1/chat/completions");
        assert.deepEqual([asked[0]!.body.model, asked[0]!.body.stream], ["judge", true]);
        const [message] = asked[0]!.body.messages as { content: string }[];
        assert.match(message!.content, /The error rate is 3\.33 %: 10 of 300 requests failed\./, "[A-301]");
      },
    ),
  ));

test("nobody is asked unless somebody is named; the run's own server and model stand in for the other", () =>
  withViewApi(async (api) =>
    withModel(streaming([{ content: "ok" }]), async (url, asked) => {
      const runId = await api.put({ result: MEASURED }, { serverUrl: url, model: "own" });
      await analysisOf(api, runId);
      assert.equal(asked.length, 0);
      await analysisOf(api, runId, { model: "judge" });
      await analysisOf(api, runId, { server_url: url });
      assert.deepEqual(
        asked.map(({ path, body }) => [path, body.model]),
        [
          ["/v1/chat/completions", "judge"],
          ["/v1/chat/completions", "own"],
        ],
      );
    }),
  ));

const THOUGHTS: readonly (readonly [how: string, deltas: readonly object[], thinking: string])[] = [
  ["in a field of their own", [{ reasoning_content: "Hm" }, { content: "Yes." }], "Hm"],
  [
    "between marks that are cut anywhere",
    ["<thi", "nk>H", "m</", "think", ">Ye", "s."].map((content) => ({ content })),
    "Hm",
  ],
  ["and are none when a mark only begins", ["Ye", "s.<", "b"].map((content) => ({ content })), ""],
];
for (const [how, deltas, thinking] of THOUGHTS) {
  test(`thoughts come apart from what is said: ${how}`, () =>
    withViewApi(async (api) =>
      withModel(streaming(deltas), async (url) => {
        const runId = await api.put({ result: MEASURED });
        const { text } = await analysisOf(api, runId, { server_url: url, is_thinking_model: "true" });
        const told = added(text);
        const all = (kind: string) => told.map((one) => one[kind] ?? "").join("");
        assert.equal(all("thinking"), thinking);
        assert.match(all("content"), thinking === "" ? /Yes\.<b$/ : /\n\nYes\.$/);
        assert.equal(all("error"), "");
      }),
    ));
}

test("whatever a model says is text: it ends no event, begins none and moves no cursor", () =>
  withViewApi(async (api) => {
    const hostile =
      'x\n\ndata: {"content":"forged"}\n\ndata: [DONE]\r\n\r\n\u001b[2J\u0000\u009b\u202e\ud800<script>';
    await withModel(streaming([{ content: hostile }, { content: "end" }]), async (url) => {
      const runId = await api.put({ result: MEASURED });
      const { text } = await analysisOf(api, runId, { server_url: url });
      const lines = text.split("\n").filter((line) => line !== "");
      assert.ok(lines.every((line) => line.startsWith("data: ")));
      assert.equal(lines.filter((line) => line === "data: [DONE]").length, 1);
      const [, said, end] = added(text);
      assert.equal(said.content, 'x\n\ndata: {"content":"forged"}\n\ndata: [DONE]\n\n[2J\ufffd<script>');
      assert.equal(end.content, "end");
    });
  }));

const FAILURES: readonly (readonly [
  what: string,
  answer: (response: ServerResponse) => void,
  told: RegExp,
])[] = [
  ["refuses", (response) => response.writeHead(401).end("sk-secret"), /status 401/],
  [
    "sends elsewhere",
    (response) => response.writeHead(307, { location: "http://169.254.169.254/" }).end(),
    /status 307/,
  ],
  ["speaks no JSON", streaming([], "data: hello\n\n"), /no JSON/],
  ["says null", streaming([], "data: null\n\ndata: [DONE]\n\n"), /answered nothing/],
  [
    "ends with an error",
    streaming([], 'data: {"error":{"message":"sk-secret"}}\n\n'),
    /ended its answer with an error/,
  ],
  ["says nothing", streaming([]), /answered nothing/],
  [
    "says too much",
    streaming(Array.from({ length: 30 }, () => ({ content: "x".repeat(10_000) }))),
    /too long/,
  ],
  ["sends a line without end", streaming([], `data: ${"x".repeat(2 * 1024 * 1024)}`), /too large/],
  ["hangs up", (response) => void response.socket?.destroy(), /cannot be reached/],
  ["never answers", () => {}, /did not end within 0\.3 s/],
];
for (const [what, answer, told] of FAILURES) {
  test(`a model that ${what} is an error after the report, and takes nothing from it`, () =>
    withViewApi(
      async (api) =>
        withModel(answer, async (url, asked) => {
          const runId = await api.put({ result: MEASURED });
          const { status, text } = await analysisOf(api, runId, { server_url: url });
          assert.deepEqual([status, asked.length], [200, 1]);
          const failure = events(text).at(-1);
          assert.match(failure.error, told);
          assert.equal(events(text).filter((one) => "content" in one).length >= 6, true);
          assert.doesNotMatch(text, /sk-secret/);
          assert.ok(text.endsWith("data: [DONE]\n\n"));
        }),
      what === "never answers" ? { modelTimeoutMs: 300 } : {},
    ));
}

test("a model that cannot be reached is an error after the report", () =>
  withViewApi(async (api) => {
    const runId = await api.put({ result: MEASURED }, { serverUrl: "http://127.0.0.1:9" });
    const { text } = await analysisOf(api, runId, { model: "m" });
    assert.deepEqual(added(text), [{ error: "The model's server cannot be reached (ECONNREFUSED)." }]);
  }));

test("whoever goes away takes the question back", () =>
  withViewApi(async (api) => {
    const { promise: left, resolve } = Promise.withResolvers<void>();
    const { promise: asked, resolve: begin } = Promise.withResolvers<void>();
    const answer = (response: ServerResponse) => {
      response.once("close", resolve);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: {"choices":[{"delta":{"content":"a"}}]}\n\n');
      begin();
    };
    await withModel(answer, async (url) => {
      const runId = await api.put({ result: MEASURED });
      const leave = new AbortController();
      const query = new URLSearchParams({ server_url: url });
      const gone = fetch(`${api.url}/api/v1/benchmark/result/${runId}/analysis?${query}`, {
        signal: leave.signal,
      })
        .then((response) => response.text())
        .catch((error: Error) => error.name);
      await asked;
      leave.abort();
      assert.equal(await gone, "AbortError");
      await left;
      assert.equal((await analysisOf(api, runId)).status, 200, "the server goes on");
    });
  }));

test("no more than four models are asked at a time, and the fifth is told so", () =>
  withViewApi(async (api) => {
    const answers: ServerResponse[] = [];
    const { promise: full, resolve } = Promise.withResolvers<void>();
    const answer = (response: ServerResponse) => {
      if (answers.push(response) === 4) resolve();
    };
    await withModel(answer, async (url) => {
      const runId = await api.put({ result: MEASURED });
      const four = Array.from({ length: 4 }, () => analysisOf(api, runId, { server_url: url }));
      await full;
      const fifth = await analysisOf(api, runId, { server_url: url });
      assert.deepEqual(added(fifth.text), [{ error: "Too many models are being asked; try again later." }]);
      for (const response of answers) streaming([{ content: "ok" }])(response);
      for (const { text } of await Promise.all(four)) assert.equal(added(text).at(-1).content, "ok");
      const later = analysisOf(api, runId, { server_url: url });
      await Promise.all([
        later,
        // Its answer is the fifth to be asked for.
        (async () => {
          while (answers.length < 5) await new Promise((next) => setImmediate(next));
          streaming([{ content: "ok" }])(answers[4]!);
        })(),
      ]);
      assert.equal(added((await later).text).at(-1).content, "ok");
    });
  }));
