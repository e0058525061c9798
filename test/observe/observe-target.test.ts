import assert from "node:assert/strict";
import { test } from "node:test";
import { metricsUrlOf, observeTarget } from "../../src/observe/observe-target.ts";
import { NS_PER_S } from "../../src/units.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { observed, page, URL_A, URL_B } from "./observed.ts";

const tokens = (prompt: number, generated: number, rest = "") =>
  `llamacpp:prompt_tokens_total ${prompt}\nllamacpp:tokens_predicted_total ${generated}\n${rest}`;

test("counters fall when a server restarts: they count from 0 since then, and it is said", async () => {
  const { server } = await observed({
    [URL_A]: [tokens(100, 50), tokens(130, 60), tokens(20, 5), tokens(25, 9)],
  });
  assert.equal(server?.prompt_tokens, 30 + 20 + 5);
  assert.equal(server?.generation_tokens, 10 + 5 + 4);
  assert.ok(
    server?.unavailable.includes(
      "http://a:8000/metrics: a counter fell, as when a server restarts: it counts from 0 since then",
    ),
  );
});

test("a restart is seen on the way though the last count is above the first", async () => {
  const { server } = await observed({ [URL_A]: [tokens(100, 50), tokens(5, 1), tokens(300, 90)] });
  assert.equal(server?.prompt_tokens, 300);
});

test("a histogram that fell counts from 0 with all its parts, those that did not fall too", async () => {
  const histogram = (at100: number, count: number, sum: number) =>
    `vllm:time_to_first_token_seconds_bucket{le="0.1"} ${at100}
vllm:time_to_first_token_seconds_bucket{le="0.2"} ${count}
vllm:time_to_first_token_seconds_bucket{le="+Inf"} ${count}
vllm:time_to_first_token_seconds_count ${count}
vllm:time_to_first_token_seconds_sum ${sum}
`;
  const { server } = await observed({ [URL_A]: [histogram(2, 50, 7.5), histogram(4, 8, 1)] });
  assert.deepEqual(server?.ttft, { count: 8, mean: 125, p50: 100, p95: 190, p99: 198 });
});

test("a sum of seconds that falls by its last digit is no restart", async () => {
  const at = (sum: number) => `tgi_request_duration_sum ${sum}\ntgi_request_duration_count 3\n`;
  const { server } = await observed({ [URL_A]: [at(0.3), at(0.1 + 0.2 - 1e-16), at(0.1 + 0.2 - 1e-16)] });
  assert.ok(server?.unavailable.every((reason) => !reason.includes("fell")));
  assert.ok(server?.unavailable.includes("e2e: nothing was observed while the level ran"));
});

test("a part that one page leaves out goes on where it was", async () => {
  const at = (count: number, sum: string) =>
    `tgi_request_duration_sum ${sum}\ntgi_request_duration_count ${count}\n`;
  const { server } = await observed({ [URL_A]: [at(10, "20"), at(11, "NaN"), at(12, "24")] });
  assert.deepEqual(server?.e2e, { count: 2, mean: 2000 });
});

test("a gauge may have more series than a call has arguments", async () => {
  const usage = Array.from(
    { length: 90_000 },
    (_, i) => `llamacpp:kv_cache_usage_ratio{i="${i}"} 0.5\n`,
  ).join("");
  const { server } = await observed({ [URL_A]: [tokens(1, 1), tokens(1, 1, usage), tokens(1, 1)] });
  assert.equal(server?.kv_cache_usage_max, 0.5);
});

test("replicas are summed: counters, histograms, requests at the same moment; the fullest cache counts", async () => {
  const [before, after] = [page("vllm-before"), page("vllm-after")];
  const { server: one } = await observed({ [URL_A]: [before, after, after] });
  const { server: two } = await observed({
    [URL_A]: [before, after, after],
    [URL_B]: [page("vllm-older-before"), page("vllm-older-after"), page("vllm-older-after")],
  });
  assert.equal(two?.replicas, 2);
  assert.equal(two?.requests, 200);
  assert.equal(two?.generation_tokens, 6200);
  assert.equal(two?.running_max, 22);
  assert.equal(two?.kv_cache_usage_max, 0.62);
  assert.equal(two?.prefix_cache_hit_ratio, 0.25);
  assert.deepEqual(two?.ttft, { ...one?.ttft, count: 200 });
  assert.deepEqual(two?.unavailable, []);
});

test("gauges are the highest of one moment, not of one replica each at another", async () => {
  const running = (count: number) => tokens(1, 1, `llamacpp:requests_processing ${count}\n`);
  const { server } = await observed({
    [URL_A]: [running(0), running(5), running(1), running(0)],
    [URL_B]: [running(0), running(1), running(4), running(0)],
  });
  assert.equal(server?.running_max, 6);
});

test("what runs before and after the level is not the level's", async () => {
  const running = (count: number) => tokens(1, 1, `llamacpp:requests_processing ${count}\n`);
  const { server } = await observed({ [URL_A]: [running(9), running(2), running(9)] });
  assert.equal(server?.running_max, 2);
  const short = await observed({ [URL_A]: [running(9), running(9)] });
  assert.equal(short.server?.running_max, undefined);
  assert.ok(short.server?.unavailable.includes("running_max: no sample was taken while the level ran"));
});

test("memory of an exporter's page stands beside the engine's figures, and its page is no replica", async () => {
  const dcgm = page("dcgm");
  const { server } = await observed({
    [URL_A]: [page("llamacpp-before"), page("llamacpp-after"), page("llamacpp-after")],
    [URL_B]: [dcgm, dcgm, dcgm],
  });
  assert.equal(server?.replicas, 1);
  assert.equal(server?.engine, "llamacpp");
  assert.equal(server?.gpu_memory_used_bytes_max, 3 * 1024 ** 3);
});

test("a replica of another engine is left out of every sum, and it is said", async () => {
  const { server } = await observed({
    [URL_A]: [page("llamacpp-before"), page("llamacpp-after"), page("llamacpp-after")],
    [URL_B]: [page("vllm-before"), page("vllm-after"), page("vllm-after")],
  });
  assert.equal(server?.engine, "llamacpp");
  assert.equal(server?.replicas, 1);
  assert.equal(server?.prompt_tokens, 480);
  assert.equal(server?.running_max, 4);
  assert.ok(
    server?.unavailable.includes("only the replicas of llama.cpp are summed: others are of another engine"),
  );
});

test("missing figures are absent and named, with the names that were looked for", async () => {
  const { server } = await observed({ [URL_A]: [tokens(1, 1), tokens(1, 1), tokens(1, 1)] });
  assert.equal(server && "kv_cache_usage_max" in server, false);
  assert.ok(
    server?.unavailable.includes("kv_cache_usage_max: the page has no llamacpp:kv_cache_usage_ratio"),
  );
  const vllm = await observed({
    [URL_A]: ["vllm:num_requests_running 1\n", "vllm:num_requests_running 1\n"],
  });
  assert.ok(
    vllm.server?.unavailable.includes(
      "itl: the page has no vllm:inter_token_latency_seconds and no vllm:time_per_output_token_seconds",
    ),
  );
});

test("a figure that only some replicas have is named", async () => {
  const { server } = await observed({
    [URL_A]: [tokens(1, 1), tokens(3, 2)],
    [URL_B]: ["llamacpp:prompt_tokens_total 5\n", "llamacpp:prompt_tokens_total 6\n"],
  });
  assert.equal(server?.prompt_tokens, 3);
  assert.equal(server?.generation_tokens, 1);
  assert.ok(server?.unavailable.includes("generation_tokens: only 1 of 2 replicas have it"));
});

test("a share that is none, hits beyond what was asked and numbers that are none are not believed", async () => {
  const at = (usage: string, hits: number, queries: number) =>
    `vllm:kv_cache_usage_perc ${usage}\nvllm:prefix_cache_hits_total ${hits}\nvllm:prefix_cache_queries_total ${queries}
vllm:prompt_tokens_total NaN\nvllm:num_requests_running -1\nvllm:num_requests_waiting +Inf\n`;
  const { server } = await observed({ [URL_A]: [at("0", 0, 0), at("42.5", 9, 3), at("0", 9, 3)] });
  assert.deepEqual(Object.keys(server ?? {}), ["engine", "replicas", "unavailable"]);
  assert.ok(server?.unavailable.includes("kv_cache_usage_max: the page says 42.5, which is no share of 1"));
  assert.ok(server?.unavailable.includes("prefix_cache_hit_ratio: the page counts 9 hits of 3"));
  const idle = await observed({ [URL_A]: [at("0", 1, 2), at("0", 1, 2)] });
  assert.ok(
    idle.server?.unavailable.includes("prefix_cache_hit_ratio: nothing was looked up while the level ran"),
  );
});

test("quantiles beyond the last bound are named as above it", async () => {
  const at = (n: number) =>
    `sglang:time_to_first_token_seconds_bucket{le="60"} ${n}
sglang:time_to_first_token_seconds_bucket{le="+Inf"} ${2 * n}
sglang:time_to_first_token_seconds_count ${2 * n}
sglang:time_to_first_token_seconds_sum ${100 * n}
`;
  const { server } = await observed({ [URL_A]: [at(10), at(20)] });
  assert.deepEqual(server?.ttft, {
    count: 20,
    mean: 50_000,
    p50: 60_000,
    p95: 60_000,
    p99: 60_000,
    above: ["p95", "p99"],
  });
});

test("a summary has a mean and no quantiles", async () => {
  const at = (count: number) =>
    `tgi_request_duration{quantile="0.5"} 0.2\ntgi_request_duration_sum ${count}\ntgi_request_duration_count ${2 * count}\n`;
  const { server } = await observed({ [URL_A]: [at(1), at(3)] });
  assert.deepEqual(server?.e2e, { count: 4, mean: 500 });
  assert.ok(server?.unavailable.includes("e2e quantiles: the page has no buckets for them"));
});

test("no page at all is no figure at all, and the reasons remain", async () => {
  const { server, problems } = await observed({
    [URL_A]: [new Error("HTTP 404"), new Error("HTTP 404"), new Error("HTTP 404")],
    [URL_B]: ["<html>", "<html>", "<html>"],
  });
  assert.equal(server, undefined);
  assert.deepEqual(problems, [
    "http://a:8000/metrics: could not be read before the level: HTTP 404",
    "http://b:8000/metrics: could not be read before the level: it is a page of HTML or XML",
    "http://a:8000/metrics: could not be read while the level ran: HTTP 404",
    "http://b:8000/metrics: could not be read while the level ran: it is a page of HTML or XML",
    "http://a:8000/metrics: could not be read after the level: HTTP 404",
    "http://b:8000/metrics: could not be read after the level: it is a page of HTML or XML",
  ]);
});

test("a page of no known engine has no figures, and it is said", async () => {
  const { server } = await observed({ [URL_A]: ["up 1\n", "up 1\n"] });
  assert.deepEqual(server, {
    engine: "unknown",
    replicas: 0,
    unavailable: ["no page has the names of an engine that is known"],
  });
});

test("a page that fails on the way leaves what the others say, and what was read of it", async () => {
  const { server } = await observed({
    [URL_A]: [tokens(1, 1), new Error("HTTP 503"), tokens(5, 5)],
    [URL_B]: [tokens(1, 1), tokens(4, 4), new Error("socket\n  closed")],
  });
  assert.equal(server?.prompt_tokens, 4 + 3);
  assert.deepEqual(server?.unavailable.slice(0, 2), [
    "http://a:8000/metrics: could not be read while the level ran: HTTP 503",
    "http://b:8000/metrics: could not be read after the level: socket closed",
  ]);
});

test("one reading gives no counts; one that came late gives those since then", async () => {
  const once = await observed({ [URL_A]: [tokens(1, 1), new Error("gone")] });
  assert.equal(once.server?.prompt_tokens, undefined);
  assert.ok(
    once.server?.unavailable.includes("prompt_tokens: it takes two readings of a page, and there was one"),
  );
  const late = await observed({ [URL_A]: [new Error("not yet"), tokens(10, 10), tokens(14, 12)] });
  assert.equal(late.server?.prompt_tokens, 4);
  assert.ok(
    late.server?.unavailable.includes(
      "http://a:8000/metrics: the level had begun when it was first read: counts lack what was before",
    ),
  );
});

test("reasons are short, hold no secret of an address, and say each thing once however often it happens", async () => {
  const url = "http://user:secret@a:8000/metrics?token=secret";
  const { problems } = await observed({
    [url]: Array.from({ length: 20 }, (_, index) => new Error(`attempt ${index} ${"x".repeat(1000)}`)),
  });
  assert.equal(problems.length, 3);
  assert.ok(problems.every((problem) => problem.length < 400 && !problem.includes("secret")));
});

test("labels that change with every page are given up at a bound", async () => {
  const at = (from: number) =>
    Array.from(
      { length: 15_000 },
      (_, index) => `llamacpp:prompt_tokens_total{id="${from + index}"} 1\n`,
    ).join("");
  const { server } = await observed({ [URL_A]: [at(0), at(15_000), at(30_000)] });
  assert.ok(
    server?.unavailable.includes(
      "http://a:8000/metrics: could not be read while the level ran: there are more than 20000 series of one name",
    ),
  );
});

test("an observer that is stopped reads no more, and does not wait for a page that never comes", async () => {
  const clock = new FakeClock();
  let asked = 0;
  const interrupted: boolean[] = [];
  const observer = observeTarget(
    [URL_A],
    (_url, signal) => {
      asked++;
      if (asked !== 2) return Promise.resolve(tokens(asked, asked));
      signal.addEventListener("abort", () => interrupted.push(true));
      return new Promise(() => {});
    },
    clock,
  );
  await observer.start();
  await clock.advanceTo(3 * NS_PER_S);
  assert.equal(asked, 2, "a reading that hangs is not joined by a second one");
  const server = await observer.stop();
  assert.equal(server?.prompt_tokens, 2);
  assert.deepEqual(interrupted, [true]);
  await clock.advanceTo(10 * NS_PER_S);
  assert.equal(asked, 3);
});

test("a reader that throws at once is a reason too", async () => {
  const observer = observeTarget(
    [URL_A],
    () => {
      throw new TypeError("broken");
    },
    new FakeClock(),
  );
  await observer.start();
  assert.equal(await observer.stop(), undefined);
  assert.equal(observer.problems[0], "http://a:8000/metrics: could not be read before the level: broken");
});

test("metrics are served at the target's origin unless told otherwise", () => {
  assert.equal(metricsUrlOf("http://host:8000/v1/chat/completions?x=y"), "http://host:8000/metrics");
  assert.equal(metricsUrlOf("https://user:key@host"), "https://host/metrics");
});
