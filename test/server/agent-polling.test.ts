import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createAgent } from "../../server/agent/agent.ts";
import { type InstanceHistory, memoryHistory } from "../../server/agent/instance-history.ts";
import { readInstanceMetrics } from "../../server/agent/instance-metrics.ts";
import { createTargets } from "../../server/targets.ts";
import type { Clock } from "../../src/clock.ts";
import { engineWith, type Listening, listening } from "../support/agent-api.ts";
import { FakeClock } from "../support/fake-clock.ts";

const page = (name: string) => readFileSync(`test/fixtures/metrics/${name}.prom`, "utf8");
const INTERVAL_NS = 30e9;

/** Turns of the loop until something is so: requests are real, and only time is not. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const started = performance.now();
  while (!(await holds())) {
    assert.ok(performance.now() - started < 10_000, "it did not come to be");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function watching(engine: Listening, options: { seconds?: number; history?: InstanceHistory } = {}) {
  const clock = new FakeClock();
  const logged: string[] = [];
  const note = (fields: object, message?: string) => logged.push(`${message} ${JSON.stringify(fields)}`);
  const log = { warn: note, info: note } as never;
  const { seconds = 30, ...rest } = options;
  const agent = createAgent({
    targets: createTargets(),
    log,
    clock,
    pollingIntervalSeconds: seconds,
    ...rest,
  });
  const instance = { instanceId: "a", instanceType: "vllm" as const, metricsUrl: engine.url };
  return {
    clock,
    agent,
    logged,
    instance,
    /** The first reading waits a second for the one after it. */
    async collect() {
      let done = false;
      const reading = agent.collect(instance).finally(() => {
        done = true;
      });
      reading.catch(() => {});
      await until(async () => {
        if (!done) await clock.advanceTo(clock.now() + 1e9);
        return done;
      });
      return reading;
    },
    readings: async () => (await agent.history.snapshots("a", 100)).length,
  };
}

test("an instance that was collected is read every interval, each time beside the reading before", async () => {
  await using engine = await engineWith(page("vllm-before"), page("vllm-before"), page("vllm-after"));
  const { agent, clock, collect, readings } = watching(engine);
  await collect();
  assert.equal(await readings(), 1);
  const collectedAtNs = clock.now();
  await clock.advanceTo(INTERVAL_NS);
  await until(async () => (await readings()) === 2);
  const [, polled] = await agent.history.snapshots("a", 2);
  assert.equal(polled?.metrics.interval_seconds, 30 - Math.round(collectedAtNs / 1e6) / 1e3);
  assert.equal(polled?.metrics.averaged_over.time_to_first_token_seconds, "interval");
  await clock.advanceTo(2 * INTERVAL_NS + 1e9);
  await until(async () => (await readings()) === 3);
  await agent.close();
});

test("nothing is read of what nobody collected, nor when polling is off, nor once it is closed", async () => {
  await using engine = await engineWith(page("vllm-after"));
  const off = watching(engine, { seconds: 0 });
  await off.collect();
  const { length } = engine.asked;
  await off.clock.advanceTo(10 * INTERVAL_NS);
  const on = watching(engine);
  await on.clock.advanceTo(10 * INTERVAL_NS);
  await on.agent.close();
  await on.clock.advanceTo(20 * INTERVAL_NS);
  assert.equal(engine.asked.length, length);
});

test("an instance that cannot be read keeps what was read, says why, and is logged once each way", async () => {
  let well = true;
  await using engine = await listening((_, response) => {
    if (well) response.end(page("vllm-after"));
    else response.writeHead(503).end();
  });
  const { agent, clock, collect, readings, logged } = watching(engine);
  await collect();
  well = false;
  const failure = async () => (await agent.history.find("a"))?.failure;
  await clock.advanceTo(INTERVAL_NS);
  await until(async () => (await failure()) !== undefined);
  assert.match((await failure())!.message, /HTTP 503/);
  assert.equal(await readings(), 1);
  const first = await failure();
  await clock.advanceTo(2 * INTERVAL_NS + 1e9);
  await until(async () => (await failure()) !== first);
  well = true;
  await clock.advanceTo(3 * INTERVAL_NS + 2e9);
  await until(async () => (await readings()) === 2);
  assert.equal(await failure(), undefined);
  await agent.close();
  assert.deepEqual(
    logged.map((line) => line.split(" {")[0]),
    ["instance unreadable", "instance reads again"],
  );
});

test("closing gives up a page that does not come", async () => {
  let silent = false;
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  await using engine = await listening((_, response) => {
    if (silent) resolve();
    else response.end(page("vllm-after"));
  });
  const { agent, clock, collect, readings } = watching(engine);
  await collect();
  silent = true;
  await clock.advanceTo(INTERVAL_NS);
  await asked;
  await agent.close();
  assert.equal(await readings(), 1);
  assert.equal((await agent.history.find("a"))?.failure, undefined, "it is nobody's fault");
});

test("closing leaves no alarm behind, which would keep the process", async () => {
  let armed = 0;
  const clock = new FakeClock();
  const counting: Clock = {
    startedAtMs: 0,
    origin: clock.origin,
    now: () => clock.now(),
    sleepUntil: (atNs) => clock.sleepUntil(atNs),
    alarm(atNs, callback) {
      armed++;
      const disarm = clock.alarm(atNs, callback);
      return () => {
        armed--;
        disarm();
      };
    },
  };
  const log = { warn() {}, info() {} };
  const agent = createAgent({ targets: createTargets(), log, clock: counting, pollingIntervalSeconds: 30 });
  assert.equal(armed, 1);
  await agent.close();
  assert.equal(armed, 0);
});

test("an instance that was forgotten is not read again, and what was under way is not kept", async () => {
  await using engine = await engineWith(page("vllm-after"));
  const { agent, clock, collect, instance } = watching(engine);
  await collect();
  assert.equal(await agent.forget("a"), true);
  assert.equal(await agent.forget("a"), false);
  const { length } = engine.asked;
  await clock.advanceTo(3 * INTERVAL_NS);
  assert.equal(engine.asked.length, length);
  await agent.history.add(instance.instanceId, {
    at: "2026-01-01T00:00:00Z",
    metrics: readInstanceMetrics(page("vllm-after")),
  });
  assert.equal(await agent.history.find("a"), undefined);
  await agent.close();
});

const metrics = readInstanceMetrics(page("vllm-after"));
const named = (instanceId: string, metricsUrl = "http://a/metrics") => ({
  instanceId,
  instanceType: "vllm" as const,
  metricsUrl,
});

test("a history has bounds: the last readings, and the instances that were asked for last", async () => {
  const history = memoryHistory({ instances: 2, snapshots: 3 });
  for (const id of ["a", "b"]) await history.register(named(id), "2026-01-01T00:00:00Z");
  for (const at of ["1", "2", "3", "4"]) await history.add("a", { at, metrics });
  assert.deepEqual(
    (await history.snapshots("a", 10)).map(({ at }) => at),
    ["2", "3", "4"],
  );
  assert.deepEqual(
    (await history.snapshots("a", 2)).map(({ at }) => at),
    ["3", "4"],
  );
  assert.deepEqual(await history.snapshots("a", 0), []);
  await history.register(named("a"), "2026-01-02T00:00:00Z");
  await history.register(named("c"), "2026-01-03T00:00:00Z");
  assert.deepEqual(
    (await history.list()).map(({ instanceId }) => instanceId),
    ["a", "c"],
  );
  assert.equal((await history.snapshots("a", 10)).length, 3, "the same instance goes on");
});

test("under another address an instance starts anew", async () => {
  const history = memoryHistory();
  await history.register(named("a"), "2026-01-01T00:00:00Z");
  await history.add("a", { at: "1", metrics });
  await history.register(named("a", "http://b/metrics"), "2026-01-02T00:00:00Z");
  assert.deepEqual(await history.snapshots("a", 10), []);
  assert.equal((await history.find("a"))?.registeredAt, "2026-01-02T00:00:00Z");
});
