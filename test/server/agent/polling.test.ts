import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { createAgent } from "../../../server/agent/agent.ts";
import type { InstanceHistory } from "../../../server/agent/collect/instance-history.ts";
import { readInstanceMetrics } from "../../../server/agent/collect/instance-metrics.ts";
import { createTargets } from "../../../server/settings/targets.ts";
import { openStores, type Stores } from "../../../server/store/open-stores.ts";
import type { Clock } from "../../../src/clock.ts";
import { engineWith, type Listening, listening } from "../../support/agent-api.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const page = (name: string) => readFileSync(`test/fixtures/metrics/${name}.prom`, "utf8");
const INTERVAL_NS = 30e9;

/** A database of its own, in memory. */
const opened: Stores[] = [];
after(() => Promise.all(opened.map((stores) => stores.close())));
async function emptyHistory(): Promise<InstanceHistory> {
  const stores = await openStores({ kind: "sqlite", path: ":memory:" });
  opened.push(stores);
  return stores.instances;
}

/** Turns of the loop until something is so, and what follows of it: requests are real, and only time is not. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const started = performance.now();
  for (let held = false; !held; ) {
    held = await holds();
    assert.ok(held || performance.now() - started < 10_000, "it did not come to be");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function watching(engine: Listening, options: { seconds?: number } = {}) {
  const clock = new FakeClock();
  const logged: string[] = [];
  const note = (fields: object, message?: string) => logged.push(`${message} ${JSON.stringify(fields)}`);
  const log = { warn: note, info: note } as never;
  const { seconds = 30 } = options;
  const agent = createAgent({
    targets: createTargets(),
    log,
    clock,
    pollingIntervalSeconds: seconds,
    history: await emptyHistory(),
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
  const { agent, clock, collect, readings } = await watching(engine);
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
  const off = await watching(engine, { seconds: 0 });
  await off.collect();
  const { length } = engine.asked;
  await off.clock.advanceTo(10 * INTERVAL_NS);
  const on = await watching(engine);
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
  const { agent, clock, collect, readings, logged } = await watching(engine);
  await collect();
  well = false;
  const failure = async () => (await agent.history.find("a"))?.failure;
  await clock.advanceTo(INTERVAL_NS);
  await until(async () => (await failure()) !== undefined);
  assert.match((await failure())!.message, /HTTP 503/);
  assert.equal(await readings(), 1);
  // The second failure is seen by what it takes the place of.
  await agent.history.fail("a", { at: "earlier", message: "before" });
  await clock.advanceTo(2 * INTERVAL_NS + 1e9);
  await until(async () => (await failure())!.message !== "before");
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
  const { agent, clock, collect, readings } = await watching(engine);
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
  const history = await emptyHistory();
  const agent = createAgent({
    targets: createTargets(),
    log,
    clock: counting,
    pollingIntervalSeconds: 30,
    history,
  });
  assert.equal(armed, 1);
  await agent.close();
  assert.equal(armed, 0);
});

test("an instance that was forgotten is not read again, and what was under way is not kept", async () => {
  await using engine = await engineWith(page("vllm-after"));
  const { agent, clock, collect, instance } = await watching(engine);
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
