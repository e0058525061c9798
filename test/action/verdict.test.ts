/** What the step ends with, and that log, summary, outputs, comment and exit code agree on it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { after, before, test } from "node:test";
import { type ScriptedServer, startScriptedServer } from "../../src/scripted-server.ts";
import { type FakeGitHub, startFakeGitHub } from "../support/fake-github.ts";
import { HEAD_SHA, runAction } from "../support/fake-runner.ts";

let target: ScriptedServer;
/** Answers every second request with an error. */
let failing: ScriptedServer;
before(async () => {
  failing = await startScriptedServer({
    chunks: 3,
    fault: (request) => (request % 2 === 0 ? { kind: "status", status: 503 } : undefined),
  });
  target = await startScriptedServer({ ttftMs: 5, chunks: 3 });
});
after(() => Promise.all([target.close(), failing.close()]));

async function withGitHub<T>(use: (github: FakeGitHub) => Promise<T>): Promise<T> {
  const github = await startFakeGitHub();
  try {
    return await use(github);
  } finally {
    await github.close();
  }
}

const quick = () => ({ url: target.url, requests: "100", concurrency: "4", "output-tokens": "3" });

test("objectives that are met end with exit code 0 and are told everywhere", () =>
  withGitHub(async (github) => {
    const run = await runAction({
      inputs: { ...quick(), slo: "ttft_p95 < 5s\nerror_rate < 5%" },
      apiUrl: github.apiUrl,
    });
    assert.equal(run.exitCode, 0, run.log);
    assert.equal(run.outputs.conclusion, "met");
    assert.equal(run.outputs.passed, "true");
    assert.equal(run.outputs["failed-slos"], "");
    assert.equal(github.comments.length, 1);
    const body = github.comments[0]!.body;
    assert.ok(body.startsWith("<!-- goodput:comment goodput -->\n"), body.slice(0, 100));
    for (const text of [body, run.summary]) {
      assert.match(text, /\|.*ttft_p95.*\|/);
      assert.match(text, /Goodput: met/);
      assert.ok(text.includes(HEAD_SHA) && text.includes("https://github.test/acme/chat/actions/runs/4242"));
    }
    assert.match(run.log, /ttft_p95/);
    assert.equal(run.outputs["comment-url"], `https://github.test/comments/${github.comments[0]!.id}`);
    assert.deepEqual(
      run.commands.filter(({ name }) => name !== "add-mask"),
      [],
    );
  }));

test("the outputs hold the figures and the paths of the reports", () =>
  withGitHub(async (github) => {
    const run = await runAction({
      inputs: { ...quick(), slo: "ttft_p95 < 5s", "output-dir": "out/load" },
      apiUrl: github.apiUrl,
    });
    const results = JSON.parse(run.outputs.results!);
    assert.equal(results.conclusion, "met");
    assert.equal(results.levels[0].objectives[0].outcome, "met");
    assert.equal(String(results.levels[0].metrics.ttft_p95), run.outputs["ttft-p95-ms"]);
    assert.ok(Number(run.outputs["ttft-p95-ms"]) >= 4, run.outputs["ttft-p95-ms"]);
    assert.ok(Number(run.outputs["e2e-p95-ms"]) >= Number(run.outputs["ttft-p95-ms"]));
    assert.equal(run.outputs["error-rate"], "0");
    assert.ok(Number(run.outputs["output-throughput"]) > 0);
    assert.match(run.outputs["report-path"]!, /\/out\/load\/report\.html$/);
    assert.match(run.outputs["results-path"]!, /\/out\/load\/result\.json$/);
    assert.equal(JSON.parse(run.files["out/load/result.json"]!).verdict, "met");
    assert.ok(run.files["out/load/report.html"]);
    assert.ok(run.files["out/load/records.jsonl"]);
  }));

test("a violated objective ends with exit code 1 and is named", () =>
  withGitHub(async (github) => {
    const run = await runAction({
      inputs: { ...quick(), url: failing.url, slo: "error_rate < 5%" },
      apiUrl: github.apiUrl,
    });
    assert.equal(run.exitCode, 1);
    assert.equal(run.outputs.conclusion, "violated");
    assert.equal(run.outputs.passed, "false");
    assert.equal(run.outputs["failed-slos"], "concurrency 4: error_rate < 5%");
    assert.match(github.comments[0]!.body, /Goodput: violated/);
    assert.match(run.summary, /Goodput: violated/);
    const errors = run.commands.filter(({ name }) => name === "error");
    assert.equal(errors.length, 1);
    assert.match(errors[0]!.text, /concurrency 4: error_rate < 5%, was 50 %/);
  }));

test("fail-on: none lets a violated objective pass the step, but not the verdict", () =>
  withGitHub(async (github) => {
    const inputs = { ...quick(), url: failing.url, slo: "error_rate < 5%", "fail-on": "none" };
    const run = await runAction({ inputs, apiUrl: github.apiUrl });
    assert.equal(run.exitCode, 0);
    assert.equal(run.outputs.conclusion, "violated");
    assert.equal(run.outputs.passed, "false");
    assert.deepEqual(
      run.commands.map(({ name }) => name).filter((name) => name !== "add-mask"),
      ["warning"],
    );
  }));

test("five mistakes in the inputs are told at once and nothing is sent", async () => {
  let connections = 0;
  const watched = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await once(watched.listen(0, "127.0.0.1"), "listening");
  after(() => watched.close());
  const run = await runAction({
    inputs: {
      url: `http://127.0.0.1:${(watched.address() as AddressInfo).port}`,
      requests: "many",
      concurrency: "0",
      slo: "ttft_p95 <> 500ms",
      comment: "sometimes",
      "pr-number": "seven",
    },
  });
  assert.equal(run.exitCode, 1);
  assert.equal(run.outputs.conclusion, "config");
  const errors = run.commands.filter(({ name }) => name === "error");
  assert.equal(errors.length, 1);
  for (const text of [errors[0]!.text, run.summary]) {
    for (const [name, value] of [
      ["requests", "many"],
      ["concurrency", "0"],
      ["slo", "ttft_p95 <> 500ms"],
      ["comment", "sometimes"],
      ["pr-number", "seven"],
    ] as const) {
      const line = text.split("\n").find((candidate) => candidate.replace(/^- /, "").startsWith(name)) ?? "";
      // Markdown breaks what GitHub would make something of.
      assert.ok(
        line.replaceAll(/[\\\u200b]|&lt;|&gt;/g, "").includes(value.replaceAll(/[<>]/g, "").slice(0, 8)),
        `${name} in:\n${text}`,
      );
      assert.match(line, /for example|did you mean/);
    }
  }
  watched.close();
  assert.equal(connections, 0);
});

test("an input that does not exist is a mistake, and its value is not told", async () => {
  const run = await runAction({ inputs: { url: target.url, "api-kye": "sk-mistyped-name" } });
  assert.equal(run.outputs.conclusion, "config");
  assert.match(run.summary, /api-kye: is not an input; did you mean api-key\?/);
  assert.ok(!run.everything.includes("sk-mistyped-name"));
});

test("an input goes before the config file, and the file's mistakes are named as the file's", async () => {
  const files = {
    "goodput.yaml": "url: not an address\nrequests: 100\nconcurrency: many\nslo:\n  - ttft_p95 < 5s\n",
  };
  const wrong = await runAction({ inputs: { url: target.url, config: "goodput.yaml" }, files });
  assert.equal(wrong.outputs.conclusion, "config");
  assert.match(wrong.summary, /goodput\.yaml: concurrency: "many"/);
  assert.doesNotMatch(wrong.summary, /not an address/);
  const right = await runAction({
    inputs: { url: target.url, config: "goodput.yaml", concurrency: "4" },
    files,
    event: {},
  });
  assert.equal(right.outputs.conclusion, "met", right.log);
});

test("a config file that cannot be read is one mistake among the others", async () => {
  const run = await runAction({ inputs: { config: "missing.yaml", requests: "many", summary: "perhaps" } });
  assert.equal(run.outputs.conclusion, "config");
  assert.match(run.summary, /missing\.yaml/);
  assert.match(run.summary, /requests: "many"/);
  assert.match(run.summary, /summary: "perhaps"/);
  assert.doesNotMatch(run.summary, /^url:/m);
});

test("a service that cannot be reached is a conclusion of its own", () =>
  withGitHub(async (github) => {
    const run = await runAction({
      inputs: { url: "http://127.0.0.1:9/v1", model: "m", slo: "ttft_p95 < 5s" },
      apiUrl: github.apiUrl,
    });
    assert.equal(run.exitCode, 1);
    assert.equal(run.outputs.conclusion, "unreachable");
    assert.equal(run.outputs.passed, "false");
    assert.match(github.comments[0]!.body, /could not be measured/);
    assert.match(run.summary, /could not be measured/);
  }));

test("a cancelled run tells within 5 seconds what was measured until then", () =>
  withGitHub(async (github) => {
    const underWay = Promise.withResolvers<NodeJS.Signals>();
    const endless = await startScriptedServer({
      ttftMs: 5,
      chunks: 3,
      fault(request) {
        if (request === 50) underWay.resolve("SIGINT");
        // The last thing it sees is a request in flight, which must not hold up the end.
        return request > 50 ? { kind: "silence" } : undefined;
      },
    });
    const run = await runAction({
      inputs: { url: endless.url, duration: "10m", concurrency: "2", slo: "ttft_p95 < 5s" },
      apiUrl: github.apiUrl,
      signalWhen: () => underWay.promise,
    });
    await endless.close();
    assert.equal(run.exitCode, 1);
    assert.ok(run.tookMs < 5_000, `${run.tookMs} ms`);
    assert.equal(run.outputs.conclusion, "cancelled", run.log);
    assert.ok(JSON.parse(run.outputs.results!).levels[0].requests.completed >= 10);
    assert.equal(JSON.parse(run.files["goodput-report/result.json"]!).state, "cancelled");
    assert.match(run.summary, /cancelled/i);
    assert.match(github.comments[0]!.body, /cancelled/i);
  }));

test("a run cancelled before the service has said a word ends within 5 seconds too", async () => {
  const connected = Promise.withResolvers<NodeJS.Signals>();
  const silent = createServer(() => connected.resolve("SIGINT"));
  await once(silent.listen(0, "127.0.0.1"), "listening");
  const run = await runAction({
    inputs: { url: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`, slo: "ttft_p95 < 5s" },
    event: {},
    signalWhen: () => connected.promise,
  });
  silent.close();
  assert.equal(run.exitCode, 1);
  assert.ok(run.tookMs < 5_000, `${run.tookMs} ms`);
  assert.equal(run.outputs.conclusion, "cancelled");
  assert.match(run.summary, /cancelled/);
});
