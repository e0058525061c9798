/** Where load and key may go, whose code may be measured, and against what. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { startScriptedServer } from "../../src/scripted-server.ts";
import { startFakeGitHub } from "../support/fake-github.ts";
import { type ActionRequest, runAction } from "../support/fake-runner.ts";

const KEY = "sk-live/~~~???>>>+=42";
const OWN = { full_name: "acme/chat", default_branch: "main" };

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

async function withServer<T>(
  handle: Handle,
  use: (url: string, seen: IncomingMessage[]) => Promise<T>,
): Promise<T> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    request.resume();
    handle(request, response);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Runs and gives everything that it wrote anywhere, GitHub's API included. */
async function measured(request: ActionRequest) {
  const github = await startFakeGitHub();
  try {
    const run = await runAction({ apiUrl: github.apiUrl, ...request });
    return { ...run, everywhere: [run.everything, ...github.comments.map(({ body }) => body)].join("\n") };
  } finally {
    await github.close();
  }
}

const spellings = [
  KEY,
  encodeURIComponent(KEY),
  encodeURIComponent(KEY).replaceAll(/%../g, (byte) => byte.toLowerCase()),
  Buffer.from(KEY).toString("base64"),
  Buffer.from(KEY).toString("base64url"),
  KEY.replaceAll("/", "\\/"),
];

test("a redirect to another origin is a failure, and the key stays at home", () =>
  withServer(
    (_, response) => response.end("{}"),
    (elsewhere, seen) =>
      withServer(
        (request, response) => {
          const key = request.headers.authorization ?? "";
          response.writeHead(307, {
            location: `${elsewhere}/?key=${encodeURIComponent(key)}`,
            "x-echo": key,
          });
          response.end(`moved: ${spellings.join(" ")}`);
        },
        async (url) => {
          const run = await measured({
            inputs: { url, model: "m", "api-key": KEY, requests: "20", slo: "error_rate < 1%" },
          });
          assert.equal(run.exitCode, 1);
          assert.match(run.files["goodput-report/result.json"]!, /http_3xx/);
          assert.equal(seen.length, 0);
          for (const spelling of spellings) assert.ok(!run.everywhere.includes(spelling), spelling);
        },
      ),
  ));

test("a key that is echoed in pieces of a stream is in no sink", () =>
  withServer(
    (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const event = `data: ${JSON.stringify({ error: { message: `bad key ${spellings.join(" ")}` } })}\n\n`;
      // Each piece is a write of its own, and so is a chunk of its own.
      for (let at = 0; at < event.length; at += 7) response.write(event.slice(at, at + 7));
      response.end();
    },
    async (url) => {
      const run = await measured({
        inputs: { url, model: "m", "api-key": KEY, requests: "20", slo: "error_rate < 1%" },
      });
      assert.match(run.everywhere, /bad key \*\*\*/);
      for (const spelling of spellings) assert.ok(!run.everywhere.includes(spelling), spelling);
    },
  ));

test("a content type and a model's name that hold the key are in no sink", () =>
  withServer(
    (request, response) => {
      const models = request.url === "/v1/models";
      response.writeHead(200, { "content-type": models ? "application/json" : `text/${KEY}` });
      response.end(models ? JSON.stringify({ data: [{ id: `m-${KEY}\n::error::injected` }] }) : "x");
    },
    async (url) => {
      const run = await measured({ inputs: { url, "api-key": KEY, requests: "20", slo: "error_rate < 1%" } });
      assert.match(run.everywhere, /m-\*\*\*/);
      assert.ok(!run.everywhere.includes(KEY));
      assert.equal(run.commands.filter(({ text }) => text.startsWith("injected")).length, 0);
    },
  ));

for (const [url, inputs, said] of [
  ["http://169.254.169.254/latest", {}, /url: .*never measured/],
  ["http://0xa9fea9fe/v1", {}, /url: .*never measured/],
  ["http://metadata.google.internal", {}, /url: .*never measured/],
  [
    "http://127.0.0.1:9",
    { "baseline-url": "http://[::ffff:169.254.169.254]/" },
    /baseline-url: .*never measured/,
  ],
  [
    "http://127.0.0.1:9",
    { "metrics-url": "http://[fd00:ec2::254]/metrics" },
    /metrics-url: .*never measured/,
  ],
  ["http://llm.example.com/v1", { "api-key": KEY }, /url: .*use https/],
  [
    "http://127.0.0.1:9",
    { "baseline-url": "http://8.8.8.8", "baseline-api-key": KEY },
    /baseline-url: .*use https/,
  ],
] as const) {
  test(`${url} with ${JSON.stringify(inputs)} is refused before anything is sent`, async () => {
    const run = await runAction({ inputs: { url, ...inputs, comment: "off", check: "off" }, event: {} });
    assert.equal(run.outputs.conclusion, "config");
    assert.match(run.summary.replaceAll(/[\\\u200b]/g, ""), said);
  });
}

test("the load goes direct although there is a proxy, and through it where that is asked for", async () => {
  const target = await startScriptedServer({ chunks: 3 });
  await withServer(
    async (request, response) => {
      const { pathname } = new URL(request.url!);
      const answer = await fetch(target.url + pathname, {
        method: request.method!,
        ...(request.method === "POST" && { body: BODY, headers: { "content-type": "application/json" } }),
      });
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
      response.end(await answer.text());
    },
    async (proxy, seen) => {
      const env = { HTTP_PROXY: proxy };
      const inputs = { requests: "10", warmup: "0", model: "m", "metrics-url": "off" };
      const direct = await runAction({ inputs: { ...inputs, url: target.url }, env, event: {} });
      assert.equal(direct.exitCode, 0, direct.log);
      const unknown = await runAction({ inputs: { ...inputs, url: "http://llm.internal" }, env, event: {} });
      assert.equal(unknown.outputs.conclusion, "unreachable");
      assert.equal(seen.length, 0);
      const proxied = await runAction({
        inputs: { ...inputs, url: "http://llm.internal", "use-proxy": "true" },
        env,
        event: {},
      });
      assert.equal(proxied.exitCode, 0, proxied.log);
      assert.equal(JSON.parse(proxied.files["goodput-report/result.json"]!).levels[0].requests.completed, 10);
      assert.equal(seen.filter(({ method }) => method === "POST").length, 10);
    },
  );
  await target.close();
});
const BODY = JSON.stringify({
  model: "m",
  stream: true,
  max_tokens: 3,
  messages: [{ role: "user", content: "x" }],
});

test("a cap on tokens holds for the warm-up too", async () => {
  const target = await startScriptedServer({ chunks: 5 });
  const run = await runAction({
    inputs: { url: target.url, config: "goodput.yaml", requests: "5", "max-tokens": "100" },
    files: { "goodput.yaml": "warmup: 100000\noutput-tokens: 5\n" },
    event: {},
  });
  assert.ok(run.files["goodput-report/result.json"], run.log);
  // Twenty requests make a hundred tokens; the measured ones come on top of it.
  const asked = target.seen.requests;
  await target.close();
  assert.ok(asked <= 20 + 5, `${asked} requests`);
});

test("a cap of the workflow holds whatever the config file asks for", async () => {
  const target = await startScriptedServer({ chunks: 5 });
  const config =
    "requests: 100000\nduration: 10h\nsweep: 50\nmax-tokens: 99999999\noutput-tokens: 5\nwarmup: 0\n";
  const run = await runAction({
    inputs: { url: target.url, config: "goodput.yaml", requests: "20", duration: "20s", "max-tokens": "150" },
    files: { "goodput.yaml": config },
    event: {},
  });
  await target.close();
  assert.notEqual(run.outputs.conclusion, "config", run.log);
  const { levels } = JSON.parse(run.files["goodput-report/result.json"]!);
  const tokens = levels.reduce(
    (sum: number, { metrics }: { metrics: { output_tokens?: number } }) => sum + (metrics.output_tokens ?? 0),
    0,
  );
  assert.ok(levels.every(({ stop }: { stop: { requests: number } }) => stop.requests === 20));
  // What was in flight when the cap was reached is let through.
  assert.ok(tokens >= 150 && tokens <= 150 + 20 * 5, `${tokens} tokens in ${levels.length} levels`);
});

const fork = {
  number: 7,
  head: { sha: "a".repeat(40), repo: { full_name: "eve/chat" } },
  base: { ref: "main" },
};
for (const [event, payload, skipped] of [
  ["pull_request_target", { repository: OWN, pull_request: fork }, true],
  [
    "pull_request_target",
    { repository: OWN, pull_request: { ...fork, head: { ...fork.head, repo: null } } },
    true,
  ],
  [
    "pull_request_target",
    { repository: OWN, pull_request: { ...fork, head: { ...fork.head, repo: OWN } } },
    false,
  ],
  [
    "workflow_run",
    {
      repository: OWN,
      workflow_run: { id: 1, head_sha: "a".repeat(40), head_repository: { full_name: "eve/chat" } },
    },
    true,
  ],
  [
    "workflow_run",
    { repository: OWN, workflow_run: { id: 1, head_sha: "a".repeat(40), head_repository: OWN } },
    false,
  ],
] as const) {
  test(`${event} ${skipped ? "of a fork is not measured" : "of this repository is measured"} (${JSON.stringify(payload).length})`, () =>
    withServer(
      (_, response) => response.writeHead(500).end(),
      async (url, seen) => {
        const request = {
          inputs: { url, model: "m", requests: "10", comment: "off", check: "off", "fail-on": "none" },
          event: payload,
          env: { GITHUB_EVENT_NAME: event },
        };
        const run = await runAction(request);
        assert.equal(run.exitCode, 0, run.log);
        assert.equal(run.outputs.conclusion === "skipped", skipped, run.log);
        assert.equal(seen.length === 0, skipped);
        if (!skipped) return;
        const allowed = await runAction({
          ...request,
          inputs: { ...request.inputs, "allow-untrusted": "true" },
        });
        assert.notEqual(allowed.outputs.conclusion, "skipped");
      },
    ));
}

for (const open of [false, true]) {
  test(`a fork without the key is skipped where the service asks for one${open ? " only when it is used" : ""}`, () =>
    withServer(
      (request, response) =>
        response
          .writeHead(open && request.method === "GET" ? 200 : 401, { "content-type": "application/json" })
          .end("{}"),
      async (url) => {
        const run = await measured({
          inputs: { url, model: "m", requests: "10" },
          event: { repository: OWN, pull_request: fork },
        });
        assert.equal(run.exitCode, 0, run.log);
        assert.equal(run.outputs.conclusion, "skipped");
        assert.match(run.summary, /two steps/);
        const own = await measured({
          inputs: { url, model: "m", requests: "10" },
          event: { repository: OWN, pull_request: { ...fork, head: { ...fork.head, repo: OWN } } },
        });
        assert.notEqual(own.outputs.conclusion, "skipped");
      },
    ));
}

test("a token that may not write leaves the exit code to the measurement", async () => {
  const target = await startScriptedServer({ chunks: 3 });
  const github = await startFakeGitHub({ readOnly: true });
  const run = await runAction({
    inputs: { url: target.url, requests: "20", slo: "e2e_p50 < 5s" },
    apiUrl: github.apiUrl,
  });
  await Promise.all([target.close(), github.close()]);
  assert.equal(run.exitCode, 0, run.log);
  assert.equal(run.outputs.conclusion, "met");
  assert.match(run.summary, /met/);
});

test("a baseline counts only from this repository's base branch, and a first run is told as such", async () => {
  const target = await startScriptedServer({ ttftMs: 5, chunks: 3 });
  const inputs = { url: target.url, requests: "40", "output-tokens": "3", comment: "off", check: "off" };
  const event = { repository: OWN, pull_request: { ...fork, head: { ...fork.head, repo: OWN } } };
  const first = await runAction({
    inputs: { ...inputs, baseline: "base/result.json" },
    env: { GITHUB_EVENT_NAME: "push", GITHUB_REF: "refs/heads/main" },
    event: { repository: OWN },
  });
  assert.match(first.log, /this is a first run/);
  const base = JSON.parse(first.files["goodput-report/result.json"]!);
  assert.deepEqual(
    [base.origin.repository, base.origin.ref, base.origin.event],
    ["acme/chat", "refs/heads/main", "push"],
  );

  const against = async (change: object | undefined, text = JSON.stringify({ ...base, ...change })) => {
    const run = await runAction({
      inputs: { ...inputs, baseline: "base" },
      files: { "base/result.json": text },
      event,
    });
    return { run, result: JSON.parse(run.files["goodput-report/result.json"] ?? "{}") };
  };
  const good = await against({});
  assert.equal(good.result.comparison.incomparable, undefined, good.run.log);
  assert.equal(good.result.comparison.levels.length, 1);
  for (const [origin, said] of [
    [{ ...base.origin, repository: "eve/chat" }, /measured in eve\/chat, not in acme\/chat/],
    [
      { ...base.origin, ref: "refs/heads/feature" },
      /measured on refs\/heads\/feature, not on refs\/heads\/main/,
    ],
    [{ ...base.origin, event: "pull_request" }, /measured by an event "pull_request"/],
  ] as const) {
    const { run, result } = await against({ origin });
    assert.match(result.comparison.incomparable, said);
    assert.deepEqual(result.comparison.levels, []);
    assert.equal(run.exitCode, 0);
  }
  const unknown = await against({ origin: undefined });
  assert.equal(unknown.result.comparison.levels.length, 1);
  assert.ok(unknown.result.findings.some(({ code }: { code: string }) => code === "baseline_origin_unknown"));
  const broken = await against(undefined, "{");
  assert.equal(broken.run.outputs.conclusion, "config");
  assert.match(broken.run.summary, /baseline: .*cannot be compared with/);
  await target.close();
});
