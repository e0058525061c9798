import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ConfigError, readConfig, type ServerConfig } from "../../../server/config.ts";
import { authenticate, protectionOf } from "../../../server/http/auth.ts";
import { serve } from "../../../server/main.ts";
import { send, TEST_CONFIG, type TestServer } from "../../support/server.ts";

const KEY = "your-secret-key";
const BASIC = { username: "admin", password: "secure_password" };
/** As its document prints it. */
const PRINTED = "Basic YWRtaW46c2VjdXJlX3Bhc3N3b3Jk";

const start = (options: Partial<ServerConfig>) =>
  serve({ ...TEST_CONFIG, model: { kind: "none" }, ...options });
let open: TestServer;
let keyed: TestServer;
let basic: TestServer;
let both: TestServer;
before(async () => {
  [open, keyed, basic, both] = await Promise.all([
    start({}),
    start({ apiKey: KEY }),
    start({ basicAuth: BASIC, corsOrigins: ["https://app.example"] }),
    start({ apiKey: KEY, basicAuth: BASIC }),
  ]);
});
after(() => Promise.all([open, keyed, basic, both].map((server) => server.close())));

type Route = readonly [method: string, path: string];
/** Routes of groups that are not there yet are refused all the same: nobody can forget to protect them. */
const WRITES: readonly Route[] = [
  ["POST", "/api/v1/benchmark/run"],
  ["POST", "/api/v1/benchmark/run/x/stop"],
  ["DELETE", "/api/v1/benchmark/run/x"],
  ["POST", "/api/v1/benchmark/recommend"],
  ["DELETE", "/api/v1/benchmark/recommend/x"],
  ["POST", "/api/v1/benchmarks/run"],
  ["PUT", "/api/v1/benchmarks/1"],
  ["DELETE", "/api/v1/benchmarks/1"],
  ["POST", "/api/v1/generate/"],
  ["POST", "/api/v1/metrics/collect"],
  ["POST", "/api/v1/workflows"],
  ["POST", "/inference"],
  ["POST", "/benchmark"],
  ["POST", "/v1/chat/completions"],
  ["POST", "/v1/completions"],
  ["POST", "/v1/embeddings"],
];
const READS: readonly Route[] = [
  ["GET", "/"],
  ["GET", "/health"],
  ["GET", "/metrics"],
  ["GET", "/docs"],
  ["GET", "/openapi.json"],
  ["GET", "/api/v1/benchmark/health"],
  ["GET", "/api/v1/benchmark/run/x"],
  ["GET", "/api/v1/benchmark/result/x"],
  ["GET", "/api/v1/benchmark/result/x/export"],
  ["GET", "/api/v1/benchmark/history"],
  ["GET", "/api/v1/benchmark/ws/stats"],
  ["POST", "/api/v1/benchmark/compare"],
];
const PROTECTED_BY_BASIC: readonly Route[] = [
  ["GET", "/api/v1/benchmarks"],
  ["GET", "/api/v1/benchmarks/"],
  ["GET", "/api/v1/benchmarks/?page=1&limit=10"],
  ["GET", "/api/v1/benchmarks/1"],
  ["POST", "/api/v1/benchmarks/run"],
  ["POST", "/api/v1/generate"],
];

const status = async (server: TestServer, [method, path]: Route, headers: Record<string, string> = {}) =>
  (await send(`${server.url}${path}`, { method, headers })).status;

test("[A-4] [A-18] [A-67] [A-71] [A-78] [A-139] without API_KEY and BASIC_AUTH nothing needs a credential", async () => {
  for (const route of [...WRITES, ...READS, ...PROTECTED_BY_BASIC]) {
    assert.notEqual(await status(open, route), 401, route.join(" "));
  }
});

test("[A-151] credentials of any kind are ignored while none is configured", async () => {
  for (const headers of [
    { authorization: PRINTED },
    { authorization: "Basic !!!" },
    { authorization: "Bearer nonsense" },
    { "x-api-key": "nonsense" },
  ]) {
    assert.equal(await status(open, ["GET", "/api/v1/benchmark/history"], headers), 200);
    assert.equal(await status(open, ["POST", "/api/v1/benchmark/run"], headers), 400);
  }
});

for (const route of WRITES) {
  test(`[A-19] [A-72] [A-79] [A-80] [A-81] [A-82] with API_KEY set ${route.join(" ")} is 401 without it and with a wrong one`, async () => {
    for (const headers of [
      {},
      { "x-api-key": "wrong" },
      { "x-api-key": `${KEY}x` },
      { "x-api-key": "" },
      { authorization: `Bearer ${KEY.toUpperCase()}` },
      // Not what the key's name is.
      { authorization: KEY },
      { authorization: PRINTED },
      { "api-key": KEY },
    ] as Record<string, string>[]) {
      assert.equal(await status(keyed, route, headers), 401, JSON.stringify(headers));
    }
    assert.notEqual(await status(keyed, route, { "x-api-key": KEY }), 401);
    assert.notEqual(await status(keyed, route, { authorization: `Bearer ${KEY}` }), 401);
    assert.notEqual(await status(keyed, route, { authorization: `bearer  ${KEY} ` }), 401);
  });
}

test("[A-5] [A-6] [A-7] [A-8] [A-9] [A-12] [A-83] [A-84] [A-85] [A-86] [A-87] [A-88] with API_KEY set reads and the comparison stay open", async () => {
  for (const route of READS) assert.notEqual(await status(keyed, route), 401, route.join(" "));
});

test("[A-102] a refusal names the scheme, has the common body and no word of the key", async () => {
  const { status, headers, json, text } = await send(`${keyed.url}/api/v1/benchmark/run`, { body: {} });
  assert.equal(status, 401);
  assert.equal(headers["www-authenticate"], "ApiKey");
  assert.deepEqual([json.error.code, json.error.details], ["UNAUTHORIZED", []]);
  assert.equal(json.request_id, headers["x-request-id"]);
  assert.ok(!text.includes(KEY));
  const openai = await send(`${keyed.url}/v1/chat/completions`, { body: { messages: [] } });
  assert.deepEqual(
    [openai.status, openai.json.error.code, openai.json.error.type],
    [401, "unauthorized", "authentication_error"],
  );
});

for (const route of PROTECTED_BY_BASIC) {
  test(`[A-121] [A-140] [A-141] [A-151] with BASIC_AUTH ${route.join(" ")} needs exactly the name and the password`, async () => {
    const basicOf = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
    for (const headers of [
      {},
      basicOf("admin:wrong"),
      basicOf("other:secure_password"),
      basicOf("admin"),
      basicOf("admin:secure_password "),
      { authorization: "Basic" },
      { authorization: PRINTED.replace("Basic", "Bearer") },
      { "x-api-key": BASIC.password },
    ] as Record<string, string>[]) {
      const answer = await send(`${basic.url}${route[1]}`, { method: route[0], headers });
      assert.equal(answer.status, 401, JSON.stringify(headers));
      assert.match(String(answer.headers["www-authenticate"]), /^Basic realm="goodput"/);
    }
    assert.notEqual(await status(basic, route, { authorization: PRINTED }), 401);
  });
}

test("BASIC_AUTH alone closes nothing but its own routes", async () => {
  for (const route of [...READS, ["POST", "/api/v1/benchmark/run"], ["POST", "/inference"]] as Route[]) {
    assert.notEqual(await status(basic, route), 401, route.join(" "));
  }
});

test("where both are configured either opens everything", async () => {
  for (const route of [...WRITES, ...PROTECTED_BY_BASIC]) {
    assert.equal(await status(both, route), 401, route.join(" "));
    assert.equal(await status(both, route, { "x-api-key": "wrong", authorization: "Basic eDp5" }), 401);
    assert.notEqual(await status(both, route, { "x-api-key": KEY }), 401, route.join(" "));
    assert.notEqual(await status(both, route, { authorization: PRINTED }), 401, route.join(" "));
    // A wrong one beside a right one does no harm.
    assert.notEqual(await status(both, route, { "x-api-key": KEY, authorization: "Basic eDp5" }), 401);
  }
});

test("another spelling of an address opens nothing that the usual one does not", () => {
  for (const path of [
    "/API/v1/Benchmarks",
    "/api/v1/benchmarks//",
    "/api/V1/benchmarks/7/",
    "/api/v1/GENERATE/",
  ]) {
    assert.ok(protectionOf("GET", path).basic, path);
  }
  for (const path of [
    "/api/v1/benchmark/compare/x",
    "/api/v1/benchmark/compar",
    "/x/api/v1/benchmark/compare",
  ]) {
    assert.ok(protectionOf("POST", path).key, path);
  }
  assert.ok(!protectionOf("GET", "/api/v1/benchmark/history").basic);
  assert.ok(!protectionOf("GET", "/api/v1/benchmarksome").basic);
  assert.ok(!protectionOf("POST", "/API/v1/benchmark/compare/").key);
  assert.ok(protectionOf("PUT", "/api/v1/benchmark/compare").key);
  assert.ok(protectionOf("PATCH", "/anything").key, "methods that nobody thought of change something");
});

test("a browser's remembered password opens nothing to pages of elsewhere, but to those that are listed", async () => {
  const route: Route = ["POST", "/api/v1/benchmarks/run"];
  const from = (site: string, origin: string) =>
    status(basic, route, { authorization: PRINTED, "sec-fetch-site": site, origin });
  assert.equal(await from("cross-site", "https://evil.example"), 401);
  assert.notEqual(await from("cross-site", "https://app.example"), 401);
  assert.notEqual(await from("same-origin", basic.url), 401);
});

test("a preflight needs no credential, since browsers send none with it", async () => {
  const headers = { origin: "https://app.example", "access-control-request-method": "POST" };
  assert.equal(await status(both, ["OPTIONS", "/api/v1/benchmark/run"], headers), 204);
  assert.equal(await status(both, ["OPTIONS", "/api/v1/benchmarks/run"], headers), 204);
});

test("secrets of any length and alphabet are compared whole", async () => {
  const password = "pässwörd: mit Doppelpunkt";
  const ask = async (authorization: string) => {
    const ctx = {
      state: {} as { credential?: string },
      get: (name: string) => (name === "Authorization" ? authorization : ""),
    };
    const middleware = authenticate({ basicAuth: { username: "jörg", password } });
    await middleware(ctx as never, async () => {});
    return ctx.state.credential;
  };
  const encoded = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
  assert.equal(await ask(encoded(`jörg:${password}`)), "basic");
  assert.equal(await ask(encoded(`jörg:${password.slice(0, -1)}`)), undefined);
  assert.equal(await ask(encoded("")), undefined);
});

test("[A-139] [A-141] what is set about credentials is read, and every mistake is told without them", () => {
  const config = readConfig({
    BASIC_AUTH: "True",
    API_USERNAME: "admin",
    API_PASSWORD: " p:w ",
    API_KEY: " key ",
  });
  assert.deepEqual([config.basicAuth, config.apiKey], [{ username: "admin", password: " p:w " }, "key"]);
  const off = readConfig({ BASIC_AUTH: "False", API_USERNAME: "admin", API_PASSWORD: "x", API_KEY: "" });
  assert.deepEqual([off.basicAuth, off.apiKey], [undefined, undefined]);
  const wrong = { BASIC_AUTH: "on", API_USERNAME: "a:b", API_PASSWORD: "", API_KEY: "hush hüsh" };
  assert.throws(
    () => readConfig(wrong),
    (error: ConfigError) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(
        error.mistakes.map((mistake) => mistake.split(":")[0]),
        ["API_KEY", "API_USERNAME", "API_PASSWORD"],
      );
      assert.doesNotMatch(error.message, /hush|a:b/);
      return true;
    },
  );
  assert.throws(() => readConfig({ BASIC_AUTH: "perhaps" }), /BASIC_AUTH: "perhaps" is neither on nor off\./);
});
