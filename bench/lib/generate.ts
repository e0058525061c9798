/**
 * Puts load on a target in one of several ways and prints what it cost as a line of JSON:
 * `engine` (everything: prompts, records on disk, histograms), `bare` (a loop on undici's `dispatch` that only
 * counts events), `null` (the engine over a transport without sockets).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Pool } from "undici";
import { parseConfig, runPlan } from "../../src/index.ts";
import { nullTransport } from "../../src/send/null-transport.ts";

export interface Cost {
  readonly requests: number;
  readonly events: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly maxRssMb: number;
}

const { values } = parseArgs({
  options: {
    what: { type: "string" },
    url: { type: "string", default: "http://127.0.0.1:9" },
    requests: { type: "string", default: "4000" },
    concurrency: { type: "string", default: "32" },
    events: { type: "string", default: "64" },
    "input-tokens": { type: "string", default: "64" },
  },
});
const events = Number(values.events);
const requests = Number(values.requests);
const concurrency = Number(values.concurrency);
/** Compiles the hot path before anything is counted. */
const warmup = Math.max(300, Math.ceil(requests / 5));

const start = () => ({ cpu: process.cpuUsage(), at: performance.now() });
const since = ({ cpu, at }: ReturnType<typeof start>) => {
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - at) / 1000, cpuSeconds: (user + system) / 1e6 };
};

const ways = { bare, engine, null: withoutSockets };
const cost = await ways[values.what as keyof typeof ways]();
console.log(JSON.stringify({ ...cost, maxRssMb: process.resourceUsage().maxRSS / 1024 } satisfies Cost));

async function engine(): Promise<Omit<Cost, "maxRssMb">> {
  const plan = parseConfig(
    {
      url: values.url,
      model: "bench",
      concurrency,
      requests,
      warmup,
      "input-tokens": Number(values["input-tokens"]),
      "output-tokens": events,
    },
    (key) => key,
  );
  const outDir = mkdtempSync(join(tmpdir(), "goodput-bench-"));
  let began: { readonly cpu: NodeJS.CpuUsage; readonly at: number } | undefined;
  let before = 0;
  let spent = { seconds: 0, cpuSeconds: 0 };
  let completed = 0;
  try {
    const result = await runPlan(plan, {
      outDir,
      onProgress: (progress) => {
        if (progress.phase === "measuring" && began === undefined) {
          began = start();
          before = progress.completed;
        }
        if (progress.phase !== "done") return;
        spent = since(began!);
        completed = progress.completed - before;
      },
    });
    const { failed, failures } = result.levels[0]!.requests;
    if (failed > 0) throw new Error(`${failed} requests failed: ${JSON.stringify(failures)}`);
    return { requests: completed, events: completed * events, ...spent };
  } finally {
    rmSync(outDir, { recursive: true });
  }
}

/** Never waits for a socket, so that no news comes while it goes on: a whole run is counted, after one to warm up. */
async function withoutSockets(): Promise<Omit<Cost, "maxRssMb">> {
  const settings = {
    url: values.url,
    model: "bench",
    concurrency,
    requests,
    warmup: 0,
    "output-tokens": events,
  };
  const plan = parseConfig({ ...settings, "input-tokens": Number(values["input-tokens"]) }, (key) => key);
  const run = async () => {
    const outDir = mkdtempSync(join(tmpdir(), "goodput-bench-"));
    const began = start();
    const result = await runPlan(plan, { outDir, transport: nullTransport("bench", pieces()) });
    const spent = since(began);
    rmSync(outDir, { recursive: true });
    return { requests: result.levels[0]!.requests.completed, ...spent };
  };
  await run();
  const cost = await run();
  return { ...cost, events: cost.requests * events };
}

/** Events in reads of their own, as one HTTP chunk each gives them. */
function pieces(): Buffer[] {
  const event = (delta: object, finish: string | null = null) =>
    `data: {"id":"chatcmpl-0","object":"chat.completion.chunk","created":1785000000,"model":"bench","choices":[{"index":0,"delta":${JSON.stringify(delta)},"logprobs":null,"finish_reason":${JSON.stringify(finish)}}]}\n\n`;
  const texts = Array.from({ length: events }, (_, i) => event({ content: i % 16 === 15 ? "\n" : " word" }));
  const whole = [
    event({ role: "assistant", content: "" }),
    ...texts,
    event({}, "length"),
    "data: [DONE]\n\n",
  ];
  return whole.map((text) => Buffer.from(text));
}

async function bare(): Promise<Omit<Cost, "maxRssMb">> {
  const pool = new Pool(values.url, { connections: null, pipelining: 1 });
  const words = " word".repeat(Number(values["input-tokens"]));
  const body = JSON.stringify({ model: "bench", messages: [{ role: "user", content: words }], stream: true });
  let seen = 0;
  const once = () =>
    new Promise<void>((resolve, reject) => {
      let afterLf = false;
      pool.dispatch(
        {
          method: "POST",
          path: "/v1/chat/completions",
          headers: { "content-type": "application/json" },
          body,
        },
        {
          onRequestStart() {},
          onResponseStart() {},
          onResponseData(_controller, chunk) {
            for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) {
              if (at === 0 ? afterLf : chunk[at - 1] === 10) seen++;
            }
            afterLf = chunk[chunk.length - 1] === 10;
          },
          onResponseEnd: () => resolve(),
          onResponseError: (_controller, error) => reject(error),
        },
      );
    });
  const loop = async (count: number) => {
    let next = 0;
    const slot = async () => {
      while (next++ < count) await once();
    };
    await Promise.all(Array.from({ length: concurrency }, slot));
  };
  await loop(warmup);
  seen = 0;
  const began = start();
  await loop(requests);
  const spent = since(began);
  await pool.destroy();
  // Beside those with output come a role, a finish, the usage and [DONE].
  if (seen !== requests * (events + 4)) throw new Error(`${seen} events in ${requests} answers`);
  return { requests, events: requests * events, ...spent };
}
