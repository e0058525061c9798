/**
 * Our server beside llama-server: the same release of llama.cpp, the same file, slots and threads, answers of
 * 64 tokens as they are made. All servers live throughout and are measured in turn, so that whatever else the
 * machine does meets each of them; ratios are of medians. `prebuilt` is both over the very libraries that
 * node-llama-cpp installs, `native` is both compiled for this processor, and `against-native` is what somebody has
 * who installs ours and could have compiled the other.
 */
import { parseArgs } from "node:util";
import { writeBuiltinModel } from "../server/inference/builtin/builtin-file.ts";
import type { Build } from "./inference/llama-server.ts";
import { type Measured, measure } from "./inference/load.ts";
import { type Settings, type Subject, startLlamaServer, startOurs } from "./inference/subjects.ts";
import { heading, shown, spread, table } from "./lib/table.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    /** Of each server in each round. */
    seconds: { type: "string", default: "15" },
    models: { type: "string", default: "qwen3,qwen3-80m" },
    builds: { type: "string", default: "prebuilt,native,against-native" },
    streams: { type: "string", default: "1,8,32" },
    slots: { type: "string", default: "8" },
    /** Of our server; it measures them itself where this is not given. */
    threads: { type: "string" },
    /** Short answers of the tiny model over which memory is watched; 0 leaves this out. */
    requests: { type: "string", default: "10000" },
  },
});
const OUTPUT_TOKENS = 64;
const SHORT_TOKENS = 4;
/** Threads of llama-server, whose own choice is one for each core: what is best for each model on few cores. */
const THREADS: Readonly<Record<string, number>> = { qwen3: 1, "qwen3-80m": 2 };

type Name = "llama-server" | "ours";
const PAIRS = {
  prebuilt: { "llama-server": "prebuilt", ours: "prebuilt" },
  native: { "llama-server": "native", ours: "native" },
  "against-native": { "llama-server": "native", ours: "prebuilt" },
} satisfies Record<string, Record<Name, Build>>;
interface Run extends Measured {
  readonly loopDelayMs?: number;
}

const builds = values.builds.split(",") as (keyof typeof PAIRS)[];
const streams = values.streams.split(",").map(Number);
const rows: string[][] = [];
// The servers end with the bench, however that ends.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
for (const model of values.models.split(",")) await compare(model as "qwen3");
heading(
  `${OUTPUT_TOKENS} tokens, ${values.slots} slots, ${values.rounds} rounds of ${values.seconds} s: median (min–max)`,
);
console.log(
  table(
    [
      ...["model, build, streams", "llama-server, tokens/s", "ours, tokens/s", "ratio"],
      ...["TTFT p50, ms", "ours", "TTFT p99, ms", "ours", "ratio", "event loop p99, ms"],
    ],
    rows,
  ),
);
if (values.requests !== "0") console.log(`\n${await memory(Number(values.requests))}`);

async function compare(model: "qwen3" | "qwen3-80m"): Promise<void> {
  const settings: Settings = {
    model: await writeBuiltinModel(1, model),
    slots: Number(values.slots),
    contextSize: 1024,
    threads: Number(values.threads ?? THREADS[model] ?? 1),
  };
  for (const build of builds) {
    const subjects: Record<Name, Subject> = {
      "llama-server": await startLlamaServer(PAIRS[build]["llama-server"], settings),
      ours: await startOurs(PAIRS[build].ours, settings),
    };
    try {
      for (const count of streams) await compareAt(`${model} ${build} ${count}`, subjects, count);
    } finally {
      await Promise.all(Object.values(subjects).map((subject) => subject.stop()));
    }
  }
}

async function compareAt(label: string, subjects: Record<Name, Subject>, count: number): Promise<void> {
  const runs: Record<Name, Run[]> = { "llama-server": [], ours: [] };
  for (const { url } of Object.values(subjects)) {
    await measure({ url, streams: count, outputTokens: SHORT_TOKENS, stop: { requests: count } });
  }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const name of ["llama-server", "ours"] as const)
      runs[name].push(await runOnce(subjects[name], count));
  }
  const of = (name: Name, key: keyof Run) => spread(runs[name].map((run) => run[key] ?? 0));
  const ratio = (key: keyof Run) => (of("ours", key).median / of("llama-server", key).median).toFixed(2);
  rows.push([
    label,
    shown(of("llama-server", "tokensPerSecond")),
    shown(of("ours", "tokensPerSecond")),
    `× ${ratio("tokensPerSecond")}`,
    of("llama-server", "ttftP50Ms").median.toFixed(1),
    of("ours", "ttftP50Ms").median.toFixed(1),
    shown(of("llama-server", "ttftP99Ms")),
    shown(of("ours", "ttftP99Ms")),
    `× ${ratio("ttftP99Ms")}`,
    shown(of("ours", "loopDelayMs"), 1),
  ]);
  console.error(rows.at(-1)!.join("  "));
}

async function runOnce(subject: Subject, streams: number): Promise<Run> {
  await subject.watched?.();
  const stop = { duration: `${values.seconds}s` };
  const measured = await measure({ url: subject.url, streams, outputTokens: OUTPUT_TOKENS, stop });
  const watched = await subject.watched?.();
  return { ...measured, ...(watched && { loopDelayMs: watched.loopDelayMs }) };
}

/** What is left after the first thousand requests would be a leak if it grew with those after them. */
async function memory(requests: number): Promise<string> {
  const model = await writeBuiltinModel(1, "qwen3");
  const slots = Number(values.slots);
  const subject = await startOurs("prebuilt", { model, slots, contextSize: 1024, threads: 1 });
  try {
    const sizes = [subject.rssMb()];
    for (const part of [requests / 10, requests / 2 - requests / 10, requests / 2]) {
      await measure({
        url: subject.url,
        streams: slots,
        outputTokens: SHORT_TOKENS,
        stop: { requests: part },
      });
      sizes.push(subject.rssMb());
    }
    const after = ["at the start", ...[0.1, 0.5, 1].map((share) => `after ${share * requests} requests`)];
    return `RSS, MB: ${sizes.map((size, i) => `${size.toFixed(0)} ${after[i]}`).join(", ")}`;
  } finally {
    await subject.stop();
  }
}
