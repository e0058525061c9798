import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { test } from "node:test";
import { request } from "undici";
import { readConfig } from "../../../server/config.ts";
import { ApiError } from "../../../server/http/errors.ts";
import { createTargets } from "../../../server/settings/targets.ts";

/** Names of this file's own; nothing is asked of any network. */
const lookup = (names: Readonly<Record<string, readonly string[]>>): LookupFunction =>
  ((hostname: string, options: { all?: boolean }, callback: (...args: unknown[]) => void) => {
    const addresses = names[hostname];
    if (addresses === undefined) return callback(Object.assign(new Error("unknown"), { code: "ENOTFOUND" }));
    const found = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
    if (options.all) callback(null, found);
    else callback(null, found[0]!.address, found[0]!.family);
  }) as LookupFunction;

const targets = (allowed?: string, names: Readonly<Record<string, readonly string[]>> = {}) =>
  createTargets({
    allowed: allowed === undefined ? undefined : readConfig({ ALLOWED_TARGETS: allowed }).allowedTargets,
    lookup: lookup(names),
  });

async function refused(check: Promise<void>, pattern: RegExp, what: string): Promise<void> {
  await assert.rejects(
    check,
    (error: ApiError) => {
      assert.ok(error instanceof ApiError, String(error));
      assert.deepEqual([error.code, error.status], ["URL_VALIDATION_ERROR", 400], what);
      assert.equal(error.details[0]?.field, "server_url");
      assert.match(error.message, pattern, what);
      return true;
    },
    what,
  );
}

const FORBIDDEN = [
  ["as it is", "http://169.254.169.254/latest/meta-data/"],
  ["in one number", "http://2852039166/"],
  ["in hexadecimal", "http://0xa9fea9fe/"],
  ["in octal", "http://0251.0376.0251.0376/"],
  ["in three parts", "http://169.254.43518/"],
  ["escaped", "http://%31%36%39.254.169.254/"],
  ["in wide digits", "http://１６９.254.169.254/"],
  ["with a dot at its end", "http://169.254.169.254./"],
  ["mapped into IPv6", "http://[::ffff:169.254.169.254]/"],
  ["mapped, in hexadecimal", "http://[::ffff:a9fe:a9fe]/"],
  ["in IPv6 as it once was", "http://[::169.254.169.254]/"],
  ["translated into IPv6", "http://[::ffff:0:169.254.169.254]/"],
  ["by way of NAT64", "http://[64:ff9b::a9fe:a9fe]/"],
  ["by way of a NAT64 of one's own", "http://[64:ff9b:1::a9fe:a9fe]/"],
  ["any other of the link", "http://169.254.7.7:8000/v1"],
  ["the link of IPv6", "http://[fe80::1]:8000/"],
  ["Amazon's in IPv6", "http://[fd00:ec2::254]/"],
  ["Alibaba's", "http://100.100.100.200/"],
  ["Oracle's", "http://192.0.0.192/"],
  ["Google's name", "http://metadata.google.internal/computeMetadata/v1/"],
  ["Google's name, shouted", "http://METADATA.GOOGLE.INTERNAL./"],
] as const;

for (const [what, url] of FORBIDDEN) {
  test(`a metadata address is refused: ${what}`, async () => {
    await refused(targets().check(url, "server_url"), /link-local or metadata/, url);
    // Nobody can allow it.
    await refused(
      targets("169.254.0.0/16 fe80::/10 *.internal *").check(url, "server_url"),
      /link-local/,
      url,
    );
  });
}

test("a name that stands for a metadata address is refused, also among other addresses", async () => {
  const names = { "nip.example": ["93.184.216.34", "169.254.169.254"], "six.example": ["fe80::1"] };
  for (const name of Object.keys(names)) {
    await refused(targets(undefined, names).check(`http://${name}/`, "server_url"), /stands for/, name);
    await refused(targets(name, names).check(`http://${name}/`, "server_url"), /stands for/, name);
  }
});

test("only http and https addresses without user and password are targets, and no refusal repeats one", async () => {
  for (const url of [
    "",
    "vllm:8000",
    "ftp://vllm/",
    "file:///etc/passwd",
    "http://",
    "//vllm",
    "javascript:1",
  ]) {
    await refused(targets().check(url, "server_url"), /no http or https address/, url);
  }
  for (const url of ["http://user:hunter2@vllm:8000", "https://user@vllm"]) {
    await assert.rejects(targets().check(url, "server_url"), (error: Error) => {
      assert.match(error.message, /no user and password/);
      assert.doesNotMatch(JSON.stringify([error, error.message]), /hunter2|user@/);
      return true;
    });
  }
});

test("by default every other target is allowed, also one that nobody knows yet: its run will say so", async () => {
  const { check } = targets(undefined, { "vllm.example": ["10.1.2.3"] });
  for (const url of [
    "http://localhost:8000",
    "http://127.0.0.1:8000/v1",
    "https://vllm.example",
    "http://nobody.example",
  ]) {
    await check(url, "server_url");
  }
});

const RULES = [
  ["vllm.example", "http://vllm.example:8000/v1", true, "a host, on any port"],
  ["vllm.example", "http://VLLM.example./v1", true, "in any spelling"],
  ["vllm.example", "http://vllm.example.evil.example", false, "and none that begins like it"],
  ["vllm.example", "http://x.vllm.example", false, "nor one below it"],
  ["*.vllm.example", "http://x.y.vllm.example", true, "a domain has what is below it"],
  ["*.vllm.example", "http://vllm.example", false, "but not itself"],
  ["*.vllm.example", "http://evilvllm.example", false, "nor what only ends like it"],
  ["vllm.example:8000", "http://vllm.example:8000", true, "a port"],
  ["vllm.example:8000", "http://vllm.example:8001", false, "is that one alone"],
  ["vllm.example:443", "https://vllm.example/", true, "also where the scheme says it"],
  ["10.0.0.0/8", "http://10.200.3.4:8000", true, "a network"],
  ["10.0.0.0/8", "http://0x0a.1:8000", true, "whatever the address is written as"],
  ["10.0.0.0/8", "http://11.0.0.1", false, "and nothing outside"],
  ["10.0.0.0/8:8000", "http://10.0.0.1:8001", false, "with a port of its own"],
  [
    "10.0.0.0/8",
    "http://inside.example",
    false,
    "names must be listed, since what they stand for can change",
  ],
  ["192.0.2.7", "http://192.0.2.7", true, "one address"],
  ["192.0.2.7", "http://[::ffff:192.0.2.7]", true, "also in IPv6's clothes"],
  ["[2001:db8::]/32", "http://[2001:db8:1::5]:8000", true, "a network of IPv6"],
  ["2001:db8::/32", "http://[2001:db9::5]", false, "and nothing outside it"],
  ["a.example,b.example", "http://b.example", true, "one of several"],
  ["a.example\n b.example", "http://c.example", false, "and no other"],
] as const;

for (const [allowed, url, ok, why] of RULES) {
  test(`ALLOWED_TARGETS=${JSON.stringify(allowed)} ${ok ? "lets" : "keeps"} ${url} ${ok ? "in" : "out"}: ${why}`, async () => {
    const { check } = targets(allowed, { "inside.example": ["10.0.0.5"] });
    if (ok) await check(url, "server_url");
    else await refused(check(url, "server_url"), /ALLOWED_TARGETS/, url);
  });
}

test("what ALLOWED_TARGETS cannot mean is told, all of it", () => {
  for (const entry of [
    "http://vllm",
    "10.0.0.0/33",
    "300.1.2.3",
    "*.",
    "host/8",
    "[::1]/129",
    "a@b",
    "a/b",
  ]) {
    assert.throws(() => readConfig({ ALLOWED_TARGETS: entry }), /ALLOWED_TARGETS: /, entry);
  }
  assert.equal(readConfig({ ALLOWED_TARGETS: "*" }).allowedTargets, undefined);
  assert.equal(readConfig({ ALLOWED_TARGETS: " " }).allowedTargets, undefined);
  assert.throws(
    () => readConfig({ ALLOWED_TARGETS: "http://a,10.0.0.0/99" }),
    /"http:\/\/a".*\n.*"10\.0\.0\.0\/99"/,
  );
});

async function listening(listener: RequestListener): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("a page is read as it is, and a redirect is an answer like any other", async () => {
  const asked: string[] = [];
  await using server = await listening((request, response) => {
    asked.push(request.url!);
    if (request.url === "/away") response.writeHead(302, { location: "/elsewhere" }).end("gone");
    else response.end(`${request.headers.authorization} ü`);
  });
  const { get } = createTargets();
  const url = `http://127.0.0.1:${server.port}`;
  const page = await get(`${url}/metrics`, "metrics_url", { headers: { authorization: "Bearer k" } });
  assert.deepEqual([page.status, page.text], [200, "Bearer k ü"]);
  const away = await get(`${url}/away`, "metrics_url");
  assert.deepEqual([away.status, away.text, away.headers.location], [302, "gone", "/elsewhere"]);
  assert.deepEqual(asked, ["/metrics", "/away"]);
  await refused(get("http://169.254.169.254/", "server_url") as never, /link-local/, "checked first");
});

test("an answer without end is left, and so is one that never begins", async () => {
  let stopped: Promise<unknown> | undefined;
  await using server = await listening((request, response) => {
    if (request.url === "/silent") return;
    stopped = new Promise((resolve) => response.once("close", resolve));
    const pour = () => {
      while (response.write(Buffer.alloc(64 * 1024, "x")));
      response.once("drain", pour);
    };
    pour();
  });
  const { get } = createTargets();
  const url = `http://127.0.0.1:${server.port}`;
  await assert.rejects(get(`${url}/`, "metrics_url", { maxBytes: 1_000_000 }), /larger than 1000000 bytes/);
  await stopped;
  await assert.rejects(get(`${url}/silent`, "metrics_url", { timeoutMs: 50 }), { name: "TimeoutError" });
  await assert.rejects(get(`${url}/silent`, "metrics_url", { signal: AbortSignal.abort() }), {
    name: "AbortError",
  });
});

test("a name that stands for something else once it was checked is looked at again", async () => {
  let asked = 0;
  await using server = await listening((_, response) => response.end("here"));
  const answers = ["127.0.0.1", "127.0.0.1", "127.0.0.1", "169.254.169.254"];
  const rebinding: LookupFunction = (hostname, options, callback) =>
    lookup({ [hostname]: [answers[asked++]!] })(hostname, options, callback);
  const { get, dispatcher } = createTargets({ lookup: rebinding });
  const url = `http://rebinding.example:${server.port}/`;
  assert.equal((await get(url, "metrics_url")).text, "here");
  await assert.rejects(get(url, "metrics_url"), /stands for a metadata address/);
  assert.equal(asked, 4);
  asked = 3;
  await assert.rejects(request(url, { dispatcher }), /stands for a metadata address/);
});
