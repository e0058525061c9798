import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { recordAnswer } from "../../../server/load-tests/virtual-users/schemas.ts";
import { startScriptedServer } from "../../../src/scripted-server.ts";
import { type CapacityApi, withCapacityApi } from "../../support/capacity-api.ts";
import { send, until } from "../../support/server.ts";

const PATH = "/api/v1/benchmarks";
const FORM = { "content-type": "application/x-www-form-urlencoded" };
/** Nobody asks twice within a second, so that the requests are the users who came. */
const ONCE = { wait_min: "1", wait_max: "1" };
const BASIC = { authorization: "Basic YWRtaW46c2VjdXJlX3Bhc3N3b3Jk" };

test("[A-119] [A-124] [A-154] [A-155] [A-156] [A-157] [A-158] [A-159] a run answers with its record, which is read again as it was", () =>
  withCapacityApi({ ttftMs: 20, gapMs: 5 }, async ({ url, target, store }) => {
    const ran = await run(url, small(target.url, { notes: "first" }));
    assert.equal(ran.status, 200, ran.text);
    const record = recordAnswer.strict().parse(ran.json);
    assert.deepEqual(
      [record.id, record.kind, record.url, record.user, record.spawnrate, record.duration, record.model],
      [1, "virtual_users", target.url, 3, 50, 1, "scripted"],
    );
    assert.deepEqual(
      [record.notes, record.status, record.favorite, record.results.status, record.dataset],
      ["first", "Test completed", false, "Test completed", "mteb/banking77"],
    );
    const { metrics, configuration } = record.results;
    const { requests, throughput, tokens } = metrics!;
    const truth = target.seen.ttftMs;
    assert.equal(requests.total + requests.incomplete, target.seen.requests);
    assert.equal(requests.failed, 0);
    // Never earlier than the server wrote the first token.
    assert.ok(metrics!.time_to_first_token_ms!.minimum >= Math.min(...truth) - 1, "[A-154]");
    // Eight tokens: seven gaps of 5 ms each after the first.
    assert.ok(metrics!.end_to_end_latency_ms!.minimum >= 20 + 7 * 5 - 1, "[A-155]");
    const [level] = (await store.findById(1))!.result!.levels;
    assert.equal(metrics!.inter_token_latency_ms!.average, level!.metrics.itl!.mean, "[A-156]");
    const speed = 1_000 / level!.metrics.tpot!.mean;
    assert.ok(Math.abs(metrics!.token_speed_per_user! / speed - 1) < 1e-5, "[A-157] as one user sees them");
    assert.equal(tokens.output, 8 * requests.successful);
    const { output_throughput, input_throughput } = level!.metrics;
    assert.ok(output_throughput! > 0 && input_throughput! > 0, "[A-158]");
    assert.deepEqual(
      [throughput.output_tokens_per_second, throughput.input_tokens_per_second],
      [output_throughput, input_throughput],
    );
    assert.equal(configuration.dataset, "built-in prompts (mteb/banking77 is not downloaded)");
    assert.equal(configuration.tokens_counted_by, "server");

    const again = await send(`${url}${PATH}/1`);
    assert.deepEqual(again.json, ran.json, "[A-159]");
  }));

test("[A-146] [A-148] [A-149] the form of seed 002 is honoured: users, spawn rate, duration and target", () =>
  withCapacityApi({ ttftMs: 1 }, async ({ url, target, store }) => {
    const slow = await run(url, small(target.url, { ...ONCE, user: "2", spawnrate: "0.5" }));
    assert.equal(slow.status, 200, slow.text);
    assert.equal(target.seen.requests, 1, "the second user comes after two seconds");
    const quick = await run(url, small(target.url, ONCE));
    assert.equal(target.seen.requests, 1 + 3, "[A-146] every user came");
    assert.equal(quick.json.results.configuration.url, target.url);
    const [level] = (await store.findById(quick.json.id))!.result!.levels;
    assert.deepEqual(level!.load, { kind: "users", users: 3, spawn_rate: 50, think_seconds: [1, 1] });
    assert.deepEqual(level!.stop, { duration_seconds: 1 }, "[A-148]");
    assert.equal(quick.json.duration, 1, "[A-148]");
  }));

test("[A-147] the spawn rate is in effect, and both spellings are taken in query, form and JSON alike", () =>
  withCapacityApi({ ttftMs: 1 }, async ({ url, target, store }) => {
    const settings = {
      users: 2,
      spawn_rate: "40",
      duration: 1,
      url: target.url,
      wait_min: 0.1,
      wait_max: 0.1,
    };
    const query = new URLSearchParams(
      Object.entries(settings).map(([key, value]): [string, string] => [key, String(value)]),
    );
    const ways = [
      () => send(`${url}${PATH}/run?${query}`, { method: "POST" }),
      () => send(`${url}${PATH}/run/`, { body: settings }),
      // What the body says holds over the query, and JSON without its type is still JSON.
      () => send(`${url}${PATH}/run?users=50`, { headers: FORM, body: JSON.stringify(settings) }),
      () =>
        send(`${url}${PATH}/run`, {
          headers: FORM,
          body: `user=2&spawnrate=40&duration=1&url=${target.url}&wait_min=0.1&wait_max=0.1`,
        }),
    ];
    for (const way of ways) {
      const { status, json, text } = await way();
      assert.equal(status, 200, text);
      assert.deepEqual([json.user, json.spawnrate], [2, 40]);
      const [level] = (await store.findById(json.id))!.result!.levels;
      assert.equal(level!.load.kind === "users" && level!.load.spawn_rate, 40);
    }
  }));

test("what is wrong is named, all of it at once, and nothing is run", () =>
  withCapacityApi({}, async ({ url, target, store }) => {
    const rows: [string, string[], string][] = [
      [
        "user=10x&spawnrate=0&duration=1.5&url=http://h",
        ["user", "spawnrate", "duration"],
        "numbers are strict",
      ],
      ["user=2&users=3&url=http://h", ["users"], "two spellings that differ"],
      ["wait_min=9&url=http://h", ["wait_min"], "longer than the longest"],
      ["user=0&url=http://h", ["user"], "somebody has to come"],
      [`dataset=/etc/passwd&url=${target.url}`, ["dataset"], "no folder of datasets is configured"],
      ["user=1", ["url"], "no target, and no default vendor's"],
    ];
    for (const [body, fields, reason] of rows) {
      const { status, json } = await run(url, body);
      assert.equal(status, 400, reason);
      assert.equal(json.error.code, "VALIDATION_ERROR", reason);
      assert.deepEqual(
        json.error.details.map(({ field }: { field: string }) => field),
        fields,
        reason,
      );
    }
    assert.equal((await store.list({}, { limit: 1, offset: 0 })).total, 0);
    assert.equal(target.seen.requests, 0);
  }));

test("[A-149] a URL where nobody answers is refused at once, and no record claims otherwise", () =>
  withCapacityApi({}, async ({ url, store, target }) => {
    const gone = await startScriptedServer();
    await gone.close();
    for (const [address, reason] of [
      [gone.url, "nobody listens"],
      ["http://nowhere.invalid", "the name cannot be resolved"],
      ["ftp://host", "no http address"],
      ["http://169.254.169.254", "a metadata address"],
    ]) {
      const { status, json } = await run(url, small(address!));
      assert.equal(status, 400, reason);
      assert.equal(json.error.code, "URL_VALIDATION_ERROR", reason);
      assert.equal(json.error.details[0].field, "url", reason);
    }
    assert.equal((await store.list({}, { limit: 1, offset: 0 })).total, 0);
    assert.equal(target.seen.requests, 0, "never another target");
  }));

test("[A-142] [A-144] [A-145] [A-146] the environment's defaults hold where the request says nothing", async () => {
  const target = await startScriptedServer({ ttftMs: 1 });
  const virtualUsers = {
    url: target.url,
    model: "house",
    tokenizer: "house/tokens",
    apiKey: "sk-environment",
  };
  try {
    await withCapacityApi(
      {},
      async ({ url, store }) => {
        const { status, json, text } = await run(url, "user=1&duration=1&wait_max=0.5");
        assert.equal(status, 200, text);
        assert.deepEqual([json.url, json.model, json.tokenizer], [target.url, "house", "house/tokens"]);
        assert.ok(
          target.seen.bodies.every(({ model }) => model === "house"),
          "[A-144]",
        );
        assert.ok(
          target.seen.keys.every((key) => key === "Bearer sk-environment"),
          "[A-142]",
        );
        assert.doesNotMatch(JSON.stringify([json, await store.findById(1)]), /sk-environment/);
        await run(url, "user=1&duration=1&wait_max=0.5&api_key=sk-own&model=other&tokenizer=");
        assert.equal(target.seen.keys.at(-1), "Bearer sk-own");
        assert.equal(target.seen.bodies.at(-1)!.model, "other");
      },
      { virtualUsers },
    );
  } finally {
    await target.close();
  }
});

test("[A-125] [A-152] records are listed in pages, the newest first, other kinds only when asked for", () =>
  withCapacityApi({}, async ({ url, store }) => {
    await store.create(stored({ notes: "one" }));
    await store.create({ ...stored({}), kind: "load_test", config: { concurrency: [1, 2] }, runId: "other" });
    for (const notes of ["two", "three"]) await store.create(stored({ notes }));
    const page = async (query: string) => (await send(`${url}${PATH}/${query}`, { headers: BASIC })).json;
    const first = await page("?page=1&limit=2");
    assert.deepEqual([notesOf(first), first.total, first.page, first.limit], [["three", "two"], 3, 1, 2]);
    assert.deepEqual(notesOf(await page("?page=2&limit=2")), ["one"]);
    const all = await page("?kind=all");
    assert.deepEqual([all.total, all.page, all.limit], [4, 1, 10]);
    const other = all.results.find(({ kind }: { kind: string }) => kind === "load_test");
    assert.deepEqual([other.user, other.duration, other.results.metrics], [null, null, null]);
    for (const record of all.results) recordAnswer.strict().parse(record);
    for (const query of ["?page=0", "?limit=101", "?limit=ten", "?kind=none"]) {
      assert.equal((await send(`${url}${PATH}${query}`)).status, 400, query);
    }
  }));

test("[A-126] [A-127] [A-128] [A-120] a record is read, written over and deleted; what was measured stays what it was", () =>
  withCapacityApi({ ttftMs: 1 }, async ({ url, target, store }) => {
    const { json: before } = await run(url, small(target.url));
    const at = `${url}${PATH}/${before.id}`;
    const changed = await send(`${at}?notes=better&spawn_rate=7`, {
      method: "PUT",
      headers: FORM,
      body: `users=9&favorite=true&status=Reviewed&model=renamed&url=${target.url}/v1&duration=5&tokenizer=t&dataset=d`,
    });
    assert.equal(changed.status, 200, changed.text);
    const expected = {
      ...before,
      user: 9,
      spawnrate: 7,
      duration: 5,
      notes: "better",
      favorite: true,
      status: "Reviewed",
      model: "renamed",
      url: `${target.url}/v1`,
      tokenizer: "t",
      dataset: "d",
    };
    assert.deepEqual(changed.json, expected);
    assert.deepEqual((await send(at)).json, expected, "[A-127] it persists");
    const again = await send(at, { method: "PUT", body: { user: 10 } });
    assert.deepEqual(again.json, { ...expected, user: 10 }, "earlier changes stay");
    assert.deepEqual((await send(at, { method: "PUT" })).json, again.json, "nothing given changes nothing");
    assert.equal((await send(at, { method: "PUT", body: { user: "many" } })).status, 400);
    const forbidden = await send(at, { method: "PUT", body: { url: "http://169.254.169.254" } });
    assert.equal(forbidden.json.error.code, "URL_VALIDATION_ERROR");

    const deleted = await send(at, { method: "DELETE" });
    assert.deepEqual(deleted.json, { message: "Benchmark deleted successfully" });
    assert.equal(await store.findById(before.id), undefined);
    for (const method of ["GET", "PUT", "DELETE"]) {
      const gone = await send(at, { method });
      assert.deepEqual([gone.status, gone.json.error.message], [404, "Benchmark not found"], method);
      assert.equal((await send(`${url}${PATH}/one`, { method })).status, 400, "no number");
      assert.equal((await send(`${url}${PATH}/999999999999`, { method })).status, 404, "beyond any number");
    }
  }));

test("[A-121] [A-151] Basic credentials are asked for where they are configured, and harmless where not", async () => {
  const options = { basicAuth: { username: "admin", password: "secure_password" } };
  await withCapacityApi(
    {},
    async ({ url }) => {
      const refused = await send(`${url}${PATH}/`);
      assert.equal(refused.status, 401);
      assert.match(String(refused.headers["www-authenticate"]), /^Basic realm=/);
      assert.equal((await send(`${url}${PATH}/run`, { method: "POST" })).status, 401);
      assert.equal((await send(`${url}${PATH}/`, { headers: BASIC })).status, 200);
    },
    options,
  );
  await withCapacityApi({}, async ({ url }) => {
    assert.equal((await send(`${url}${PATH}/`, { headers: BASIC })).status, 200);
  });
});

test("who asks for it is answered at once and the run goes on", () =>
  withCapacityApi({ ttftMs: 1 }, async ({ url, target, runs }) => {
    const preferred = await send(`${url}${PATH}/run`, {
      headers: { ...FORM, prefer: "wait=5, respond-async" },
      body: small(target.url),
    });
    assert.equal(preferred.status, 202);
    assert.deepEqual(Object.keys(preferred.json), ["id", "run_id", "status"]);
    assert.equal(preferred.json.status, "started");
    assert.equal(preferred.headers["preference-applied"], "respond-async");
    const going = await send(`${url}${PATH}/1`);
    assert.match(going.json.status, /^Test (pending|running)$/);
    recordAnswer.strict().parse(going.json);
    const asked = await run(url, small(target.url, { async: "true" }));
    assert.equal(asked.status, 202);
    assert.equal((await runs.ended(asked.json.run_id))!.status, "completed");
  }));

test("a client that goes away takes its load with it, and what was measured is kept", () =>
  withCapacityApi({ ttftMs: 1 }, async ({ url, target, store }) => {
    const outgoing = request(`${url}${PATH}/run`, { method: "POST", headers: FORM, agent: false });
    outgoing.on("error", () => {});
    outgoing.end(small(target.url, { wait_min: "0", wait_max: "0", duration: "60" }));
    const at = `${url}${PATH}/1`;
    await until(
      () => send(at),
      () => target.seen.requests > 20,
    );
    outgoing.destroy();
    const { json } = await until(
      () => send(at),
      ({ json }) => json.completedAt !== null,
    );
    assert.equal(json.status, "Test stopped");
    assert.ok(json.results.metrics.requests.successful > 0);
    assert.equal((await store.findById(1))!.status, "cancelled");
  }));

test("a run in which nothing was answered is an error, and its record says so", () =>
  withCapacityApi({ fault: () => ({ kind: "status", status: 500 }) }, async ({ url, target }) => {
    const { status, json } = await run(url, small(target.url));
    assert.equal(status, 500);
    assert.equal(json.error.code, "BENCHMARK_FAILED");
    assert.match(json.error.message, /None of \d+ requests was answered/);
    const record = await send(`${url}${PATH}/${json.error.id}`);
    assert.deepEqual([record.json.status, record.json.results.status], ["Test failed", "Test failed"]);
    assert.equal(record.json.error.code, "BENCHMARK_FAILED");
    assert.equal(record.json.results.metrics.time_to_first_token_ms, null, "not measured, and not 0");
  }));

test("[A-299] two runs at the same time do not mix what they measure, and the API answers meanwhile", async () => {
  const other = await startScriptedServer({ ttftMs: 80, model: "slow" });
  try {
    await withCapacityApi(
      { ttftMs: 1, model: "fast" },
      async ({ url, target }) => {
        const both = Promise.all([
          run(url, small(target.url)),
          run(url, small(other.url, { max_tokens: "4", wait_max: "0.2" })),
        ]);
        await until(
          () => send(`${url}${PATH}`),
          ({ json }) => json.total === 2 && target.seen.requests > 0 && other.seen.requests > 0,
        );
        const [fast, slow] = await both;
        for (const [{ json }, { seen }, model, tokens] of [
          [fast, target, "fast", 8],
          [slow, other, "slow", 4],
        ] as const) {
          const { requests, tokens: counted } = json.results.metrics;
          assert.equal(json.model, model);
          assert.equal(requests.total + requests.incomplete, seen.requests);
          assert.equal(counted.output, tokens * requests.successful);
        }
        assert.ok(slow.json.results.metrics.time_to_first_token_ms.minimum >= 80);
        assert.ok(fast.json.results.metrics.time_to_first_token_ms.minimum < 80);
      },
      { concurrency: 2 },
    );
  } finally {
    await other.close();
  }
});

test("prompts come from a file only where it lies in the folder of datasets", async () => {
  await withCapacityApi({ ttftMs: 1 }, async (bench) => {
    const folder = join(bench.dataDir, "datasets");
    await mkdir(folder);
    await writeFile(join(folder, "own.jsonl"), `${JSON.stringify({ prompt: "Is this ours?" })}\n`);
    await writeFile(join(bench.dataDir, "secret.jsonl"), `${JSON.stringify({ prompt: "secret" })}\n`);
    await symlink(join(bench.dataDir, "secret.jsonl"), join(folder, "link.jsonl"));
    await withCapacityApi(
      { ttftMs: 1 },
      async ({ url, target }) => {
        for (const dataset of ["../secret.jsonl", "link.jsonl", "nothing.jsonl", ".", bench.dataDir]) {
          const { status, json } = await run(url, `${small(target.url)}&dataset=${dataset}`);
          assert.equal(status, 400, dataset);
          assert.equal(json.error.message, "dataset: must be a file in the folder of datasets", dataset);
        }
        const { status, json } = await run(url, `${small(target.url)}&dataset=own.jsonl`);
        assert.equal(status, 200);
        assert.deepEqual([json.dataset, json.results.configuration.dataset], ["own.jsonl", "own.jsonl"]);
        assert.match(JSON.stringify(target.seen.bodies[0]), /Is this ours\?/);
      },
      { datasetsDir: folder },
    );
  });
});

function run(url: string, form: string) {
  return send(`${url}${PATH}/run`, { headers: FORM, body: form });
}

/** Three users for a second. */
function small(target: string, more: Readonly<Record<string, string>> = {}): string {
  const settings = {
    user: "3",
    spawnrate: "50",
    duration: "1",
    wait_min: "0.05",
    wait_max: "0.1",
    max_tokens: "8",
  };
  return new URLSearchParams({ ...settings, url: target, ...more }).toString();
}

let count = 0;

function stored(more: object): Parameters<CapacityApi["store"]["create"]>[0] {
  return {
    runId: `run-${++count}`,
    kind: "virtual_users",
    serverUrl: "http://target",
    model: "m",
    adapter: "openai",
    framework: undefined,
    config: { user: 1, spawnrate: 1, duration: 1, tokenizer: null, dataset: "builtin" },
    createdAt: new Date(1_700_000_000_000 + count).toISOString(),
    notes: "",
    ...more,
  };
}

function notesOf({ results }: { results: { notes: string }[] }): string[] {
  return results.map(({ notes }) => notes);
}
