import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { builtinModel } from "../../../server/inference/builtin-model.ts";
import { downloadModel } from "../../../server/inference/model-download.ts";
import { ModelError } from "../../../server/inference/model-error.ts";
import { modelSource } from "../../../server/inference/model-file.ts";
import { serve } from "../../../server/main.ts";
import { send, TEST_CONFIG } from "../../support/server.ts";

const model = builtinModel(1);
const cleanUp: (() => void)[] = [];
after(() => {
  for (const clean of cleanUp) clean();
});

interface Request {
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

type Answer = (response: ServerResponse, request: IncomingMessage, count: number) => void;

/** A web server with files, an empty folder to keep them in, and what was asked of it. */
async function setUp(answer: Answer) {
  const requests: Request[] = [];
  const http = createServer((request, response) => {
    requests.push({ range: request.headers.range, authorization: request.headers.authorization });
    answer(response, request, requests.length);
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const directory = mkdtempSync(join(tmpdir(), "goodput-download-"));
  cleanUp.push(() => {
    http.closeAllConnections();
    http.close();
    rmSync(directory, { recursive: true });
  });
  const origin = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  const download = (attempts = 3) =>
    downloadModel(`http://${origin}/models/tiny.gguf`, directory, { attempts, pauseMs: 0, silenceMs: 5_000 });
  const kept = () =>
    readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return { origin, directory, requests, download, kept: () => kept().map(({ name }) => name) };
}

/** As web servers send files: whole, or from where they are asked to. */
function sendFile(
  response: ServerResponse,
  request: IncomingMessage,
  { etag = '"1"', upTo = model.length } = {},
) {
  const from =
    request.headers["if-range"] === etag
      ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0)
      : 0;
  response.writeHead(from > 0 ? 206 : 200, { etag, "content-length": model.length - from });
  if (upTo >= model.length) response.end(model.subarray(from));
  else response.write(model.subarray(from, upTo), () => response.destroy());
}

test("a model comes whole, under its own name, and is not downloaded again", async () => {
  const { download, requests, kept } = await setUp((response, request) => sendFile(response, request));
  const path = await download();
  assert.deepEqual(readFileSync(path), model);
  assert.deepEqual(kept(), ["tiny.gguf"]);
  assert.equal(await download(), path);
  assert.equal(requests.length, 1);
});

test("what breaks off goes on where it ended", async () => {
  const statuses: number[] = [];
  const { download, requests, kept } = await setUp((response, request, count) => {
    sendFile(response, request, count === 1 ? { upTo: 1_000_000 } : {});
    statuses.push(response.statusCode);
  });
  assert.deepEqual(readFileSync(await download()), model);
  assert.deepEqual(kept(), ["tiny.gguf"]);
  // The second one learns which file it is, and the third asks for the rest of it.
  const { range } = requests.at(-1)!;
  assert.match(range ?? "", /^bytes=[1-9]\d*-$/);
  assert.deepEqual(statuses, [200, 200, 206]);
});

test("a server that knows no ranges sends it all again, and nothing twice into the file", async () => {
  const { download, kept } = await setUp((response, _request, count) => {
    response.writeHead(200, { etag: '"1"', "content-length": model.length });
    if (count === 1) response.write(model.subarray(0, 1_000_000), () => response.destroy());
    else response.end(model);
  });
  assert.deepEqual(readFileSync(await download()), model);
  assert.deepEqual(kept(), ["tiny.gguf"]);
});

test("a download that is given up has no model to show, and the next start goes on with it", async () => {
  let mended = false;
  const { download, requests, kept } = await setUp((response, request) => {
    const from = Number(/\d+/.exec(request.headers.range ?? "")?.[0] ?? 0);
    if (mended) sendFile(response, request);
    // Nothing new after the first megabyte.
    else if (from > 0) response.destroy();
    else sendFile(response, request, { upTo: 1_000_000 });
  });
  await assert.rejects(download(2), { code: "MODEL_DOWNLOAD_FAILED" });
  assert.ok(!kept().includes("tiny.gguf") && kept().length === 1, String(kept()));
  mended = true;
  requests.length = 0;
  assert.deepEqual(readFileSync(await download()), model);
  assert.match(requests.at(-1)!.range ?? "", /^bytes=[1-9]\d*-$/);
  assert.deepEqual(kept(), ["tiny.gguf"]);
});

test("a file that changed on the server is not put together from two", async () => {
  let etag = '"old"';
  const { download, kept } = await setUp((response, request, count) => {
    sendFile(response, request, { etag, ...(count === 1 && { upTo: 1_000_000 }) });
    etag = '"new"';
  });
  assert.deepEqual(readFileSync(await download()), model);
  assert.deepEqual(kept(), ["tiny.gguf"]);
});

test("without a version of the file nothing is resumed, and nothing is left", async () => {
  const { download, requests, kept } = await setUp((response) => {
    response.writeHead(200, { "content-length": model.length });
    response.write(model.subarray(0, 100_000), () => response.destroy());
  });
  await assert.rejects(download(1), { code: "MODEL_DOWNLOAD_FAILED" });
  assert.ok(requests.every(({ range }) => range === undefined));
  assert.deepEqual(kept(), []);
});

const refusals: [string, Answer, RegExp, number][] = [
  [
    "a file that is not there",
    (response) => response.writeHead(404).end("no"),
    /the server answers 404 Not Found\.$/,
    1,
  ],
  [
    "a file for others",
    (response) => response.writeHead(403).end(),
    /the server answers 403 Forbidden\.$/,
    1,
  ],
  [
    "a server that is ill for good",
    (response) => response.writeHead(503).end(),
    /answers 503 Service Unavailable\.$/,
    3,
  ],
  [
    "a page in place of a model",
    (response) => response.end("<!doctype html><title>Please log in to see this</title>"),
    /what came is no model: it does not start with the letters GGUF\.$/,
    1,
  ],
  [
    "a model that ends early without anybody saying so",
    (response) => response.end(model.subarray(0, 100_000)),
    /what came is no model: the tensor \S+ ends at byte \d+ of a file of 100000 bytes\.$/,
    1,
  ],
];
for (const [what, answer, expected, attempts] of refusals) {
  test(`${what} is one sentence, and nothing is kept`, async () => {
    const { download, requests, kept, origin } = await setUp(answer);
    await assert.rejects(download(), (error: unknown) => {
      assert.ok(error instanceof ModelError);
      assert.equal(error.code, "MODEL_DOWNLOAD_FAILED");
      assert.match(error.message, expected);
      assert.ok(
        error.message.startsWith(`The model http://${origin}/models/tiny.gguf cannot be downloaded: `),
      );
      return true;
    });
    assert.equal(requests.length, attempts);
    assert.deepEqual(kept(), []);
  });
}

test("a server that is ill for a moment is asked again", async () => {
  const { download, requests } = await setUp((response, request, count) => {
    if (count < 3) response.writeHead(count === 1 ? 503 : 429).end();
    else sendFile(response, request);
  });
  assert.deepEqual(readFileSync(await download()), model);
  assert.equal(requests.length, 3);
});

test("a connection on which nothing comes is given up", async () => {
  const { origin, directory } = await setUp((response) => {
    response.writeHead(200, { "content-length": model.length }).flushHeaders();
  });
  const options = { attempts: 1, pauseMs: 0, silenceMs: 50 };
  await assert.rejects(
    downloadModel(`http://${origin}/tiny.gguf`, directory, options),
    /nothing more arrives/,
  );
});

test("a name and a password of the address are used, and told to nobody", async () => {
  const { origin, directory, requests } = await setUp((response) => response.writeHead(404).end());
  const address = `http://somebody:secret@${origin}/tiny.gguf?signature=hidden`;
  await assert.rejects(downloadModel(address, directory, { attempts: 1 }), (error: Error) => {
    assert.doesNotMatch(error.message, /somebody|secret|hidden/);
    return true;
  });
  assert.equal(requests[0]?.authorization, `Basic ${Buffer.from("somebody:secret").toString("base64")}`);
});

test("a folder that cannot be written to is named, and nothing is tried twice", async (t) => {
  if (process.seteuid === undefined) return t.skip("There are no such rights on this system.");
  const { origin, directory, requests } = await setUp((response, request) => sendFile(response, request));
  chmodSync(directory, 0o555);
  // Root may write anywhere, so it becomes somebody else for a moment.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid(65_534);
  try {
    await assert.rejects(downloadModel(`http://${origin}/tiny.gguf`, directory), /EACCES/);
  } finally {
    if (isRoot) process.seteuid(0);
  }
  assert.equal(requests.length, 0);
  chmodSync(directory, 0o700);
});

test("an address is a model, a hub's address is the hub's, and a broken one is told at once", () => {
  assert.deepEqual(modelSource("https://example.com/m.gguf", "/models"), {
    kind: "url",
    url: "https://example.com/m.gguf",
    directory: "/models",
  });
  for (const uri of ["hf:user/model:Q8_0", "https://huggingface.co/user/model/resolve/main/m.gguf"]) {
    assert.deepEqual(modelSource(uri), { kind: "hub", uri });
  }
  assert.throws(() => modelSource("http://"), { code: "MODEL_NOT_FOUND" });
});

test("a server tells how far its model's download is, and serves it when it is there", async () => {
  const half = Promise.withResolvers<void>();
  const rest = Promise.withResolvers<void>();
  const { origin, directory } = await setUp(async (response) => {
    response.writeHead(200, { "content-length": model.length });
    response.write(model.subarray(0, model.length / 2));
    half.resolve();
    await rest.promise;
    response.end(model.subarray(model.length / 2));
  });
  const arrived = Promise.withResolvers<void>();
  const phases = new Set<string>();
  const server = await serve(
    {
      ...TEST_CONFIG,
      slots: 1,
      contextSize: 256,
      model: modelSource(`http://${origin}/my-model.gguf`, directory),
    },
    {
      show: ({ phase, share }) => {
        phases.add(phase);
        if (share === 0.5) arrived.resolve();
      },
      stop: () => phases.add("stopped"),
    },
  );
  await half.promise;
  await arrived.promise;
  const health = await send(`${server.url}/health`);
  assert.deepEqual([health.status, health.json.phase, health.json.progress], [503, "downloading", 0.5]);
  const ready = await send(`${server.url}/health/ready`);
  assert.deepEqual(ready.json, { status: "loading", phase: "downloading", progress: 0.5 });
  assert.deepEqual([ready.status, ready.headers["retry-after"]], [503, "5"]);
  const inference = await send(`${server.url}/inference`, { body: { prompt: "Hello" } });
  assert.equal(inference.json.error.message, "The model is still being downloaded: 50 %.");
  assert.deepEqual([inference.json.error.phase, inference.json.error.progress], ["downloading", 0.5]);
  const chat = await send(`${server.url}/v1/completions`, { body: { prompt: "Hello" } });
  assert.deepEqual([chat.json.error.code, chat.json.error.progress], ["model_not_ready", 0.5]);
  rest.resolve();
  await server.ready;
  assert.deepEqual([...phases], ["downloading", "loading", "preparing", "stopped"]);
  assert.equal((await send(`${server.url}/v1/models`)).json.data[0].id, "my-model");
  assert.deepEqual([(await send(`${server.url}/health`)).json.phase, existsSync(directory)], [null, true]);
  await server.close();
});

test("a server that is told to stop does not wait for the rest of a download", async () => {
  const begun = Promise.withResolvers<void>();
  const { origin, directory, kept } = await setUp((response) => {
    response.writeHead(200, { "content-length": model.length });
    response.write(model.subarray(0, 1_000), () => begun.resolve());
  });
  const source = modelSource(`http://${origin}/tiny.gguf`, directory);
  const server = await serve({
    ...TEST_CONFIG,
    shutdownMs: 0,
    model: source,
  });
  await begun.promise;
  await server.close();
  await server.ready;
  // It has no version by which it could be gone on with.
  assert.deepEqual(kept(), []);
  await assert.rejects(send(`${server.url}/health/live`));
});
