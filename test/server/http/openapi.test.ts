import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { z } from "zod";
import { createRouter } from "../../../server/app.ts";
import { protectionOf } from "../../../server/http/auth.ts";
import { openapiDocument, templateOf } from "../../../server/http/openapi/document.ts";
import type { Operation } from "../../../server/http/openapi/operation.ts";
import { operations } from "../../../server/http/openapi/operations.ts";
import { SchemaWriter } from "../../../server/http/openapi/schemas.ts";
import { serve } from "../../../server/main.ts";
import { platformDeps } from "../../support/platform.ts";
import { send, TEST_CONFIG, type TestServer } from "../../support/server.ts";

let server: TestServer;
before(async () => {
  server = await serve({ ...TEST_CONFIG, model: { kind: "none" } });
});
after(() => server.close());

const options = { version: "1.2.3", apiKey: true, basicAuth: true, rateLimit: true };
// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever the document has.
const document = openapiDocument(operations, options) as any;

/** Routes whatever their parameters are called: `get /run/{}`. */
const nameless = (method: string, path: string) =>
  `${method.toLowerCase()} ${templateOf(path)
    .replace(/\{\w+\}/g, "{}")
    .replace(/(?<=.)\/$/, "")}`;

test("[A-122] every route of the server is in the document, and the document has no other", () => {
  const deps = platformDeps();
  // Routes are only made, none is called.
  const loadTests = { runs: {}, store: {}, targets: {}, runSocket: {}, agent: {}, agentConfig: {} } as never;
  const router = createRouter({ ...deps, loadTests });
  deps.system.close();
  const routed = router.stack.flatMap(({ methods, path }) =>
    methods.filter((method) => method !== "HEAD").map((method) => nameless(method, String(path))),
  );
  const told = operations.map(({ method, path }) => nameless(method, path));
  assert.deepEqual(told.toSorted(), [...new Set(routed)].toSorted());
});

test("every route of the router is found with and without a slash at its end", () => {
  const deps = platformDeps();
  const loadTests = { runs: {}, store: {}, targets: {}, runSocket: {}, agent: {}, agentConfig: {} } as never;
  const router = createRouter({ ...deps, loadTests });
  deps.system.close();
  for (const { methods, path } of router.stack) {
    const asked = String(path)
      .replace(/:\w+/g, "x")
      .replace(/(?<=.)\/$/, "");
    for (const spelling of asked === "/" ? ["/"] : [asked, `${asked}/`]) {
      for (const method of methods) assert.ok(router.match(spelling, method).route, `${method} ${spelling}`);
    }
  }
});

test("[A-122] the document is valid OpenAPI 3.1 by the rules of the specification", async () => {
  const config = await createConfig({ extends: ["spec"] });
  for (const apiKey of [true, false]) {
    const source = JSON.stringify(openapiDocument(operations, { ...options, apiKey, basicAuth: apiKey }));
    const problems = await lintFromString({ source, config });
    assert.deepEqual(
      problems.map(({ message, location }) => `${location[0]?.pointer}: ${message}`),
      [],
    );
  }
  const broken = JSON.stringify({ ...document, paths: { "/x": { get: { responses: {} } } }, extra: 1 });
  assert.ok((await lintFromString({ source: broken, config })).length > 0, "it would find mistakes");
});

test("every schema is JSON Schema of its own dialect, and every reference leads somewhere", () => {
  const references = JSON.stringify(document).match(/"\$ref":"[^"]+"/g) ?? [];
  assert.ok(references.length > 0);
  for (const reference of new Set(references)) {
    const path = reference.slice(8, -1);
    assert.match(path, /^#\/components\/schemas\/[\w.-]+$/);
    assert.ok(path.split("/").at(-1)! in document.components.schemas, path);
  }
});

test("every operation has a summary, a tag, a name of its own and an answer, and errors have the error's schema", () => {
  const names = new Set<string>();
  for (const [path, methods] of Object.entries(document.paths)) {
    // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever the document has.
    for (const [method, operation] of Object.entries<any>(methods as object)) {
      const { operationId, summary, tags, responses } = operation;
      assert.match(operationId, /^[a-z][A-Za-z0-9]+$/);
      const what = `${method} ${path}`;
      assert.match(summary, /^[A-Z].*[^.]$/, what);
      assert.ok(tags.length === 1, what);
      assert.ok(!names.has(operationId), operationId);
      names.add(operationId);
      assert.ok(
        Object.keys(responses).some((status) => status.startsWith("2")),
        what,
      );
      const { schema } = responses.default.content["application/json"];
      const expected = path.startsWith("/v1/") ? "OpenAIError" : "Error";
      assert.equal(schema.$ref, `#/components/schemas/${expected}`, what);
    }
  }
});

for (const operation of operations.filter(({ body }) => body !== undefined)) {
  const { method, path, body, example } = operation;
  test(`the example of ${method} ${path} is taken by what reads it`, () => {
    if (example === undefined) return;
    const { success, error } = body!.safeParse(example);
    assert.ok(success, error?.message);
  });
}

test("what is closed says with what it opens, what is open says that it needs nothing", () => {
  for (const operation of operations) {
    const { method, path, auth = "open" } = operation;
    const needs = protectionOf(method, templateOf(path));
    const expected = needs.basic ? "basic" : needs.key ? "key" : "open";
    assert.equal(auth, expected, `${method} ${path}`);
    const { security } = document.paths[templateOf(path)][method];
    const named = security.flatMap((one: object) => Object.keys(one));
    assert.deepEqual(named, expected === "open" ? [] : ["apiKey", "bearer", "basic"], path);
  }
  const open = openapiDocument(operations, { ...options, apiKey: false, basicAuth: false });
  assert.doesNotMatch(JSON.stringify(open), /securitySchemes|"401"/);
});

test("a schema says what may be left out, by what its reader takes", () => {
  const schema = z.object({
    needed: z.string(),
    wrapped: z.preprocess((value) => value, z.number().default(3)),
    list: z.array(z.string()).optional(),
  });
  const written = new SchemaWriter().write(schema, "input");
  assert.deepEqual(written.required, ["needed"]);
});

test("two schemas under one name are a mistake, and so are two operations of one route", () => {
  const writer = new SchemaWriter();
  writer.write(z.object({ a: z.string() }).meta({ id: "Same" }), "output");
  const other = z.object({ b: z.string() }).meta({ id: "Same" });
  assert.throws(() => writer.write(other, "output"), /Two different schemas are called Same/);
  const one: Operation = { method: "get", path: "/x", summary: "", tags: [], answers: {} };
  assert.throws(() => openapiDocument([one, one], options), /told of twice/);
});

test("[A-76] [A-77] [A-122] the document and both pages are there, for those who have them already too", async () => {
  const json = await send(`${server.url}/openapi.json`);
  assert.deepEqual([json.status, json.json.openapi], [200, "3.1.0"]);
  for (const path of ["/openapi.json", "/docs", "/docs/", "/redoc", "/redoc/"]) {
    const { status, headers } = await send(`${server.url}${path}`);
    assert.equal(status, 200, path);
    assert.equal(headers["cache-control"], "no-cache", path);
    const again = await send(`${server.url}${path}`, { headers: { "if-none-match": String(headers.etag) } });
    assert.deepEqual([again.status, again.text], [304, ""], path);
  }
});

for (const path of ["/docs", "/redoc"]) {
  test(`[A-76] [A-77] [A-293] ${path} takes all it is made of from this server, and runs nothing that stands in it`, async () => {
    const page = await send(`${server.url}${path}`);
    assert.match(String(page.headers["content-type"]), /^text\/html/);
    const policy = String(page.headers["content-security-policy"]);
    assert.match(policy, /default-src 'none'; script-src 'self'; /);
    assert.doesNotMatch(policy, /https?:|script-src[^;]*unsafe|\*/);
    assert.doesNotMatch(page.text, /<script>|<script [^>]*>[^<]|\son\w+=|https?:\/\//);
    const parts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address!);
    assert.ok(parts.length >= 4);
    for (const address of parts) {
      assert.match(address, /^\/docs\/assets\/[\w.-]+\?v=[0-9a-f]{16}$/);
      const part = await send(`${server.url}${address}`);
      assert.equal(part.status, 200, address);
      assert.equal(part.headers["cache-control"], "public, max-age=31536000, immutable", address);
      assert.equal(part.headers["x-content-type-options"], "nosniff");
      assert.match(String(part.headers["content-type"]), /^(text\/(javascript|css)|image\/png)/, address);
      // An address with another hash is of another version, and must not stay.
      const stale = await send(`${server.url}${address.replace(/v=.*/, "v=0")}`);
      assert.deepEqual([stale.status, stale.headers["cache-control"]], [200, "no-cache"], address);
    }
  });
}

test("nothing but the parts of the pages is to be had from their folder", async () => {
  for (const name of [
    "package.json",
    "..%2f..%2fpackage.json",
    "__proto__",
    "swagger-ui-bundle.js.map",
    "constructor",
  ]) {
    const { status } = await send(`${server.url}/docs/assets/${name}`);
    assert.equal(status, 404, name);
  }
});
