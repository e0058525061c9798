import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Context } from "koa";
import { readConfig } from "../../../server/config.ts";
import { limitRate } from "../../../server/http/rate-limit.ts";
import { startPlatform } from "../../support/platform.ts";
import { send } from "../../support/server.ts";

const PRODUCTION = readConfig({ NODE_ENV: "production" }).rateLimit!;
const PATH = "/api/v1/benchmark/history";
const MINUTE = 60_000;

test("[A-243] by default nobody is limited: 500 quick requests are all taken", async () => {
  const { url, close } = await startPlatform({ rateLimit: readConfig({}).rateLimit });
  const statuses = new Set<number>();
  for (let left = 500; left > 0; left--) {
    const { status, headers } = await send(`${url}${PATH}`);
    statuses.add(status);
    assert.equal(headers["ratelimit-limit"], undefined);
  }
  assert.deepEqual([...statuses], [404]);
  await close();
});

test("[A-244] in production an address has 100 requests a minute, and the next is 429 until time has passed", async () => {
  let now = 0;
  const { url, close } = await startPlatform({ rateLimit: PRODUCTION, now: () => now });
  for (let left = 99; left >= 0; left--) {
    const { status, headers } = await send(`${url}${PATH}`);
    assert.equal(status, 404);
    assert.deepEqual([headers["ratelimit-limit"], headers["ratelimit-remaining"]], ["100", String(left)]);
  }
  const refused = await send(`${url}${PATH}`);
  assert.deepEqual([refused.status, refused.json.error.code], [429, "RATE_LIMITED"]);
  assert.equal(refused.headers["ratelimit-remaining"], "0");
  assert.equal(refused.headers["x-request-id"], refused.json.request_id);
  const seconds = Number(refused.headers["retry-after"]);
  assert.ok(seconds > 59 && seconds <= 62, String(seconds));
  assert.equal(refused.headers["ratelimit-reset"], String(seconds));
  now += seconds * 1000;
  assert.equal((await send(`${url}${PATH}`)).status, 404);
  await close();
});

test("[A-245] in production a valid key has 1000 a minute, whatever its address has left", async () => {
  const { url, close } = await startPlatform({ rateLimit: PRODUCTION, apiKey: "key-of-mine", now: () => 0 });
  for (let left = 100; left > 0; left--) await send(`${url}${PATH}`);
  assert.equal((await send(`${url}${PATH}`)).status, 429);
  const headers = { "x-api-key": "key-of-mine" };
  for (let left = 1000; left > 0; left--) {
    assert.equal((await send(`${url}${PATH}`, { headers })).status, 404);
  }
  assert.equal((await send(`${url}${PATH}`, { headers })).status, 429);
  // Guessing keys is limited like everything else.
  assert.equal((await send(`${url}${PATH}`, { headers: { "x-api-key": "guess" } })).status, 429);
  await close();
});

test("probes, pages, scrapers, preflights and the model's own routes have no limit", async () => {
  const rateLimit = { perAddress: 1, perCredential: 1 };
  const { url, close } = await startPlatform({ rateLimit, now: () => 0 });
  for (const path of [
    "/",
    "/health",
    "/health/live",
    "/metrics",
    "/openapi.json",
    "/v1/models",
    "/api/v1/health/detailed",
    "/api/v1/benchmark/health",
  ]) {
    for (let left = 3; left > 0; left--) assert.notEqual((await send(`${url}${path}`)).status, 429, path);
  }
  const preflight = { origin: "https://a.example", "access-control-request-method": "POST" };
  for (let left = 3; left > 0; left--) {
    assert.equal((await send(`${url}${PATH}`, { method: "OPTIONS", headers: preflight })).status, 204);
  }
  // Another spelling is no way around.
  assert.equal((await send(`${url}/API/v1/benchmark/history`)).status, 404);
  assert.equal((await send(`${url}/api/v1/benchmark/healthy`)).status, 429);
  await close();
});

test("X-Forwarded-For counts only behind proxies that are trusted, and then from the right", async () => {
  const rateLimit = { perAddress: 1, perCredential: 1 };
  const ask = async (trustedProxies: number, ...given: string[]) => {
    const { url, close } = await startPlatform({ rateLimit, trustedProxies, now: () => 0 });
    const statuses = [];
    for (const forwarded of given) {
      statuses.push((await send(`${url}${PATH}`, { headers: { "x-forwarded-for": forwarded } })).status);
    }
    await close();
    return statuses;
  };
  assert.deepEqual(await ask(0, "10.0.0.1", "10.0.0.2"), [404, 429]);
  assert.deepEqual(await ask(1, "10.0.0.1", "10.0.0.2", "10.0.0.1"), [404, 404, 429]);
  // What stands left of the proxy's own entry anybody can write.
  assert.deepEqual(await ask(1, "1.1.1.1, 10.0.0.1", "2.2.2.2, 10.0.0.1"), [404, 429]);
  assert.deepEqual(await ask(2, "9.9.9.9, 1.1.1.1, 10.0.0.1", "8.8.8.8, 1.1.1.1, 10.0.0.2"), [404, 429]);
  assert.deepEqual(await ask(1, "nonsense", "more nonsense"), [404, 429]);
  // One network of IPv6 is one client, however many addresses it has.
  assert.deepEqual(await ask(1, "2001:db8::1", "2001:db8:0:0:ffff::2", "2001:db8:0:1::1"), [404, 429, 404]);
  assert.deepEqual(await ask(1, "::ffff:10.0.0.1", "10.0.0.1"), [404, 429]);
});

/** Lets one client ask at these moments, and says which of them were taken. */
async function takenAt(moments: readonly number[], allowance: number) {
  let now = 0;
  const middleware = limitRate({ perAddress: allowance, perCredential: allowance }, () => now);
  const taken: number[] = [];
  const waits = new Map<number, number>();
  const ask = async () => {
    const ctx = { path: PATH, state: { clientIp: "10.0.0.1" }, set: () => {} } as unknown as Context;
    await middleware(ctx as never, async () => {
      taken.push(now);
    }).catch((error: { headers: Record<string, string> }) => {
      waits.set(now, Number(error.headers["Retry-After"]) * 1000);
    });
  };
  for (const moment of moments) {
    now = moment;
    await ask();
  }
  const askAt = async (moment: number) => {
    now = moment;
    await ask();
  };
  return { taken, waits, askAt };
}

const moments = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 150 }).map((gaps) =>
  gaps.map(
    (
      (sum) => (gap: number) =>
        (sum += gap)
    )(0),
  ),
);

test("never more than allowed within a minute of the clock, hardly more within any minute, and never too few", async () => {
  await fc.assert(
    fc.asyncProperty(moments, fc.integer({ min: 1, max: 20 }), async (at, allowance) => {
      const { taken } = await takenAt(at, allowance);
      for (const end of at) {
        const within = (list: readonly number[], ms: number) =>
          list.filter((moment) => moment > end - ms && moment <= end).length;
        // The minute before is taken to have been even, which at worst lets twice as many through.
        assert.ok(within(taken, MINUTE) <= 2 * allowance);
        // Whoever asked no more than allowed in two minutes was never refused.
        if (within(at, 2 * MINUTE) <= allowance) assert.ok(taken.includes(end));
      }
    }),
    { seed: 7, numRuns: 200 },
  );
});

test("what was used at the end of one minute is not to be had again at the beginning of the next", async () => {
  const { taken } = await takenAt([59_000, 59_001, 59_002, 61_000, 61_001, 90_000, 91_000, 92_000], 3);
  // At 90 s half of the three have faded.
  assert.deepEqual(taken, [59_000, 59_001, 59_002, 90_000]);
});

test("Retry-After is true: whoever waits that long is taken", async () => {
  await fc.assert(
    fc.asyncProperty(moments, fc.integer({ min: 1, max: 20 }), async (at, allowance) => {
      const { waits, taken, askAt } = await takenAt(at, allowance);
      const last = at.at(-1)!;
      const wait = waits.get(last);
      if (wait === undefined || taken.includes(last)) return;
      await askAt(last + wait);
      assert.ok(taken.includes(last + wait), `${last} + ${wait}`);
    }),
    { seed: 8, numRuns: 500 },
  );
});

test("RATE_LIMIT is on, off or a number, and NODE_ENV decides when it is not set", () => {
  const limit = (env: Record<string, string>) => readConfig(env).rateLimit?.perAddress;
  assert.deepEqual(PRODUCTION, { perAddress: 100, perCredential: 1000 });
  assert.equal(limit({ RATE_LIMIT: "on" }), 100);
  assert.equal(limit({ RATE_LIMIT: "250" }), 250);
  assert.equal(limit({ RATE_LIMIT: "off", NODE_ENV: "production" }), undefined);
  assert.equal(limit({ NODE_ENV: "development" }), undefined);
  for (const text of ["-5", "1.5", "many"]) {
    assert.throws(() => readConfig({ RATE_LIMIT: text }), /RATE_LIMIT: /, text);
  }
});
