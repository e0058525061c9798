import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { readConfig } from "../../../server/config.ts";
import { ApiError, type ApiErrorCode, errorBody, toApiError } from "../../../server/http/errors.ts";
import { jsonMistake } from "../../../server/http/json-mistake.ts";
import { serve } from "../../../server/main.ts";
import { DatabaseError } from "../../../server/store/database-error.ts";
import { VERSION } from "../../../src/version.ts";
import { startPlatform } from "../../support/platform.ts";
import { send, TEST_CONFIG, type TestServer } from "../../support/server.ts";

let server: TestServer;
before(async () => {
  server = await serve({ ...TEST_CONFIG, model: { kind: "none" }, bodyLimitBytes: 2048 });
});
after(() => server.close());

const get = (path: string, headers: Record<string, string> = {}) => send(`${server.url}${path}`, { headers });
const run = (body: string | object, headers: Record<string, string> = {}) =>
  send(`${server.url}/api/v1/benchmark/run`, { body, headers });
const JSON_TYPE = { "content-type": "application/json" };

test("[A-1] the port is 8085 unless told otherwise, on every address", () => {
  const { port, host } = readConfig({});
  assert.deepEqual([port, host], [8085, "0.0.0.0"]);
});

test("[A-2] [A-131] without a model the server is healthy and ready, and says that it has none", async () => {
  const health = await get("/health");
  assert.deepEqual(
    [health.status, health.json.status, health.json.model_ready, health.json.model_state],
    [200, "healthy", false, "none"],
  );
  const ready = await get("/health/ready");
  assert.deepEqual([ready.status, ready.json], [200, { status: "ready", model: "none" }]);
  assert.equal((await get("/health/live")).status, 200);
  assert.equal((await get("/metrics")).json.model_loaded, false);
  assert.match((await get("/metrics?format=prometheus")).text, /goodput/);
});

test("without a model its routes are 503 with the reason, in each API's own words", async () => {
  for (const [path, body] of [
    ["/inference", { prompt: "Hello" }],
    ["/benchmark", {}],
    ["/v1/chat/completions", { messages: [{ role: "user", content: "Hello" }] }],
    ["/v1/completions", { prompt: "Hello" }],
    ["/v1/embeddings", { input: "Hello" }],
  ] as const) {
    const { status, json } = await send(`${server.url}${path}`, { body });
    assert.deepEqual([status, String(json.error.code).toUpperCase()], [503, "MODEL_NOT_READY"], path);
    assert.match(json.error.message, /MODEL=off/);
  }
});

test("[A-3] the load tests' own health says more than the server's", async () => {
  const { status, json } = await get("/api/v1/benchmark/health");
  assert.deepEqual([status, json.status, json.dependencies.database], [200, "healthy", "connected"]);
  assert.match(json.timestamp, /Z$/);
});

test("MODEL is off or none for a server without a model, in any case", () => {
  for (const MODEL of ["off", "None", " OFF "])
    assert.deepEqual(readConfig({ MODEL }).model, { kind: "none" });
  assert.equal(readConfig({ MODEL: "none.gguf" }).model.kind, "file");
});

test("[A-131] the root is a sign of life for programs, and the dashboard for browsers where there is one", async () => {
  const plain = await startPlatform();
  const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  for (const accept of ["*/*", "application/json", "text/plain", "application/json, text/html;q=0.5"]) {
    const { json, headers } = await get("/", { accept });
    assert.deepEqual(
      json,
      { status: "healthy", service: "goodput", version: VERSION, docs: "/docs" },
      accept,
    );
    assert.equal(headers.vary, "Accept");
  }
  assert.match((await get("/", { accept: browser })).text, /^<!doctype html>/i);
  assert.equal((await send(plain.url, { headers: { accept: browser } })).json.status, "healthy");
  await plain.close();
});

test("[A-235] [A-246] what is not there is 404 with the common body, under whatever version", async () => {
  for (const path of ["/api/v2/", "/api/v2/benchmark/run", "/api/v1/nothing", "/nothing", "/api"]) {
    const { status, json, headers } = await get(path);
    assert.deepEqual([status, json.error.code, json.error.details], [404, "NOT_FOUND", []], path);
    assert.deepEqual(Object.keys(json), ["error", "timestamp", "request_id"]);
    assert.match(json.timestamp, /^\d{4}-\d\d-\d\dT.*Z$/);
    assert.equal(json.request_id, headers["x-request-id"]);
  }
});

test("a wrong method is 405 with the right ones, and a question for them is answered", async () => {
  const { status, json, headers } = await send(`${server.url}/api/v1/benchmark/history`, { method: "PUT" });
  assert.deepEqual([status, json.error.code, headers.allow], [405, "METHOD_NOT_ALLOWED", "HEAD, GET"]);
  const asked = await send(`${server.url}/api/v1/benchmark/run`, { method: "OPTIONS" });
  assert.deepEqual([asked.status, asked.headers.allow], [200, "POST"]);
});

test("a slash at the end changes nothing, and no body is lost to a redirect", async () => {
  for (const path of [
    "/health/",
    "/docs/",
    "/api/v1/benchmark/history/",
    "/api/v1/benchmark/health/",
    "/v1/models/",
  ]) {
    const [with_, without] = await Promise.all([get(path), get(path.slice(0, -1))]);
    assert.equal(with_.status, without.status, path);
    assert.ok(with_.status < 300 || with_.status === 503, path);
  }
  const { status, json } = await send(`${server.url}/api/v1/benchmark/run/`, { body: { server_url: 7 } });
  assert.deepEqual([status, json.error.details[0].field], [400, "server_url"]);
});

const BROKEN = [
  ["as 003 prints it, an object", '{"instance_id": "a", "metrics": {...}}', 33],
  ["as 003 prints it, a list", '{"bottlenecks": [...]}', 17],
  ["an object of dots alone", "{...}", 1],
  ["a comma too many", '{"a":1,}', 7],
  ["cut off", '{"a":[1,2', 9],
  ["on its third line", '{\n  "a": 1\n  "b": 2\n}', 13],
  ["two values", '{"a":1} {"b":2}', 8],
  ["single quotes", "{'a':1}", 1],
  ["a number that is none", '{"a":01}', 6],
] as const;

for (const [what, body, position] of BROKEN) {
  test(`[A-235] [A-237] a body that is no JSON is 400 with the place: ${what}`, async () => {
    const { status, json } = await run(body, JSON_TYPE);
    assert.equal(status, 400);
    assert.equal(json.error.code, "VALIDATION_ERROR");
    const [{ field, message, ...place }] = json.error.details;
    const before = body.slice(0, position).split("\n");
    assert.equal(field, "body");
    assert.deepEqual(place, { position, line: before.length, column: before.at(-1)!.length + 1 });
    assert.ok(message.includes(`position ${position}`));
    // Programs that name no type, as curl -d does, are told the same.
    const form = await run(body, { "content-type": "application/x-www-form-urlencoded" });
    assert.deepEqual([form.status, form.json.error.details], [400, json.error.details]);
  });
}

test("whatever JSON.parse takes has no mistake, and where something is broken everything before could go on", () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 3 }), (text, seed, piece) => {
      assert.equal(jsonMistake(text), undefined);
      const at = seed % (text.length + 1);
      const changed = text.slice(0, at) + piece + text.slice(at);
      let parses = true;
      try {
        JSON.parse(changed);
      } catch {
        parses = false;
      }
      const mistake = jsonMistake(changed);
      assert.equal(mistake === undefined, parses, changed);
      if (mistake !== undefined) assert.ok(mistake.position >= 0 && mistake.position <= changed.length);
    }),
    { seed: 5, numRuns: 3000 },
  );
});

test("a body of brackets alone, as deep as it may be, costs no more than its length", () => {
  const deep = "[".repeat(1_000_000);
  assert.equal(jsonMistake(deep)?.position, deep.length);
  assert.equal(jsonMistake(`${deep}${"]".repeat(1_000_000)}`), undefined);
});

test("bodies that are JSON but no object, too large or empty are 4xx, never 500", async () => {
  assert.equal((await run("[1]", JSON_TYPE)).status, 400);
  assert.equal((await run('"text"', JSON_TYPE)).status, 400);
  assert.equal((await run("null", JSON_TYPE)).status, 400);
  assert.equal((await run("", JSON_TYPE)).status, 400);
  const large = await run({ server_url: "x".repeat(3000) });
  assert.deepEqual([large.status, large.json.error.code], [413, "PAYLOAD_TOO_LARGE"]);
  const form = await run(`server_url=${"x".repeat(3000)}`, {
    "content-type": "application/x-www-form-urlencoded",
  });
  assert.equal(form.status, 413);
  assert.equal((await run("{}", { "content-type": "application/json; charset=nonsense" })).status, 400);
  assert.equal((await run("{}", { ...JSON_TYPE, "content-encoding": "gzip" })).status, 400);
});

test("[A-162] [A-289] all mistakes of a body are told at once, each with its field", async () => {
  const { status, json } = await run({ concurrency: [0], num_prompts: -1, adapter: "nobody's" });
  assert.equal(status, 400);
  assert.equal(json.error.code, "VALIDATION_ERROR");
  const fields = json.error.details.map(({ field }: { field: string }) => field.split(".")[0]);
  assert.deepEqual([...new Set(fields)].toSorted(), [
    "adapter",
    "concurrency",
    "model",
    "num_prompts",
    "server_url",
  ]);
  assert.equal((await run({ server_url: "http://h", model: "m", concurrency: [] })).status, 400);
});

test("[A-163] a target that must not be asked is 400 URL_VALIDATION_ERROR with its field, and nothing is run", async () => {
  const { status, json } = await run({ server_url: "http://169.254.169.254", model: "m" });
  assert.deepEqual(
    [status, json.error.code, json.error.details[0].field],
    [400, "URL_VALIDATION_ERROR", "server_url"],
  );
  assert.equal((await get("/api/v1/benchmark/history")).json.total, 0);
});

test("[A-160] [A-161] [A-162] [A-163] [A-237] [A-238] [A-239] [A-240] [A-241] [A-242] each code has its status", () => {
  const statuses: Partial<Record<ApiErrorCode, number>> = {
    VALIDATION_ERROR: 400,
    URL_VALIDATION_ERROR: 400,
    UNAUTHORIZED: 401,
    NOT_FOUND: 404,
    METHOD_NOT_ALLOWED: 405,
    INVALID_STATE: 409,
    PAYLOAD_TOO_LARGE: 413,
    RATE_LIMITED: 429,
    COLLECTION_ERROR: 500,
    ANALYSIS_ERROR: 500,
    WORKFLOW_ERROR: 500,
    BENCHMARK_ERROR: 500,
    BENCHMARK_FAILED: 500,
    INFERENCE_ERROR: 500,
    METRICS_ERROR: 500,
    DATABASE_ERROR: 500,
    INTERNAL_ERROR: 500,
    SERVICE_UNAVAILABLE: 503,
    MODEL_NOT_READY: 503,
  };
  for (const [code, status] of Object.entries(statuses)) {
    const error = new ApiError(code as ApiErrorCode, "Why.");
    assert.equal(error.status, status, code);
    const body = errorBody(error, "id") as { error: object };
    assert.deepEqual(body.error, { code, message: "Why.", details: [] });
  }
});

test("[A-161] what a database throws is DATABASE_ERROR, and what nobody expected stays unexplained", () => {
  const database = toApiError(
    new DatabaseError("The run cannot be stored: the disk is full.", { hint: "Free some." }),
  );
  assert.deepEqual(
    [database.code, database.status, database.message],
    ["DATABASE_ERROR", 500, "The run cannot be stored: the disk is full."],
  );
  const unexpected = toApiError(new TypeError("secret of the inside"));
  assert.deepEqual([unexpected.code, unexpected.status], ["INTERNAL_ERROR", 500]);
  assert.doesNotMatch(unexpected.message, /secret/);
});

test("every page may read answers by default, but never with the credentials of who looks at it", async () => {
  const { headers } = await get("/health", { origin: "https://anything.example" });
  assert.equal(headers["access-control-allow-origin"], "*");
  assert.equal(headers["access-control-allow-credentials"], undefined);
  assert.match(String(headers["access-control-expose-headers"]), /X-Request-ID/);
  // Errors too, or a page could not say what is wrong.
  const { headers: missing } = await get("/nothing", { origin: "https://anything.example" });
  assert.equal(missing["access-control-allow-origin"], "*");
});

test("origins that are listed, and no others, may read answers with credentials and ask beforehand", async () => {
  const { corsOrigins } = readConfig({ CORS_ORIGINS: "https://a.example, http://localhost:3000" });
  const { url, close } = await startPlatform({ corsOrigins });
  const ask = (origin: string) =>
    send(`${url}/api/v1/benchmark/run`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-api-key",
      },
    });
  for (const origin of corsOrigins) {
    const { status, headers, text } = await ask(origin);
    assert.deepEqual([status, text, headers["access-control-allow-origin"]], [204, "", origin]);
    assert.equal(headers["access-control-allow-credentials"], "true");
    assert.match(String(headers["access-control-allow-headers"]), /X-API-Key/);
    assert.match(String(headers["access-control-allow-methods"]), /DELETE/);
    assert.match(String(headers.vary), /Origin/);
  }
  for (const origin of ["https://b.example", "https://a.example.evil", "null", "http://a.example"]) {
    const { headers } = await ask(origin);
    assert.equal(headers["access-control-allow-origin"], undefined, origin);
    assert.match(String(headers.vary), /Origin/);
  }
  await close();
});

test("CORS_ORIGINS is *, origins or off, and anything else is a mistake", () => {
  assert.deepEqual(readConfig({}).corsOrigins, ["*"]);
  assert.deepEqual(readConfig({ CORS_ORIGINS: "off" }).corsOrigins, []);
  for (const CORS_ORIGINS of [
    "example.com",
    "https://a.example/",
    "https://a.example/path",
    "ftp://a",
    "null",
  ]) {
    assert.throws(() => readConfig({ CORS_ORIGINS }), /CORS_ORIGINS: /, CORS_ORIGINS);
  }
});

test("answers are data: browsers are to guess at no type, run nothing in them and frame none", async () => {
  for (const path of ["/health", "/nothing", "/api/v1/benchmark/history"]) {
    const { headers } = await get(path);
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
  }
});
