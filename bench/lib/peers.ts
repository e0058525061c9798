import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { quantile } from "./table.ts";

/** Where other tools are installed: outside of this repository, and kept for the next time. */
export const PEERS = process.env.GOODPUT_PEERS ?? join(tmpdir(), "goodput-peers");

export interface Load {
  readonly url: string;
  readonly requests: number;
  readonly concurrency: number;
  /** Constant arrivals per second in place of a number in flight. */
  readonly rate?: number;
  /** A folder of its own. */
  readonly outDir: string;
}

/** Milliseconds, from the send. */
export interface Ttft {
  readonly p50: number;
  readonly p99: number;
}

export interface Peer {
  readonly name: string;
  /** What its requests per second are to be read with. */
  readonly note?: string;
  /** Makes it ready to run. @throws Error where it cannot be had. */
  install(): void;
  command(load: Load): readonly string[];
  /** What it says of the last run; absent where it tells no such thing. */
  ttft?(outDir: string): Ttft;
  readonly constantRate: boolean;
  /** Answers of a short and of a long run: the difference tells what one costs without the start. */
  readonly requests: readonly [short: number, long: number];
  /** Of a tool that takes long to start. */
  readonly once?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

const python = join(PEERS, "venv/bin/python");
const guidellm = join(PEERS, "venv/bin/guidellm");
const aiperf = join(PEERS, "venv-aiperf/bin/aiperf");
const k6 = join(PEERS, "bin/k6");
const autocannon = join(PEERS, "npm/node_modules/.bin/autocannon");
const tokenizer = join(PEERS, "tokenizer");
const loops = resolve("bench/peers");

export const PEER_LIST: readonly Peer[] = [
  {
    name: "Goodput",
    install() {},
    command: ({ url, requests, concurrency, rate, outDir }) => [
      ...[process.execPath, "src/cli/bin.ts", "run", "--url", url, "--model", "bench", "--no-progress"],
      ...["--requests", String(requests), "--input-tokens", "64", "--output-tokens", "64", "--out", outDir],
      ...(rate === undefined
        ? ["--concurrency", String(concurrency)]
        : ["--rate", String(rate), "--arrivals", "constant"]),
    ],
    ttft(outDir) {
      const { p50, p99 } = json(join(outDir, "result.json")).levels[0].metrics.ttft_sent;
      return { p50, p99 };
    },
    constantRate: true,
    requests: [1000, 9000],
  },
  {
    name: "aiohttp loop (as vLLM bench)",
    install: pythonPackages,
    command: ({ url, requests, concurrency, rate, outDir }) => [
      ...[python, join(loops, "aiohttp_loop.py"), url, String(requests), "--out", join(outDir, "ttft.json")],
      ...(rate === undefined ? ["--concurrency", String(concurrency)] : ["--rate", String(rate)]),
    ],
    ttft: listOf,
    constantRate: true,
    requests: [300, 2300],
  },
  {
    name: "httpx loop",
    install: pythonPackages,
    command: ({ url, requests, concurrency, outDir }) => [
      ...[python, join(loops, "httpx_loop.py"), url, String(requests), "--out", join(outDir, "ttft.json")],
      ...["--concurrency", String(concurrency)],
    ],
    ttft: listOf,
    constantRate: false,
    requests: [100, 600],
  },
  {
    name: "GuideLLM",
    install() {
      pythonPackages();
      if (existsSync(guidellm)) return;
      run(python, "-m", "pip", "install", "--quiet", "guidellm");
    },
    command: ({ url, requests, concurrency, rate, outDir }) => [
      ...[guidellm, "run", "--backend", `kind=openai_http,target=${url},model=bench`],
      ...[
        "--profile",
        rate === undefined ? `kind=concurrent,streams=${concurrency}` : `kind=constant,rate=${rate}`,
      ],
      ...[
        "--constraint",
        `kind=max_requests,count=${requests}`,
        "--tokenizer",
        `kind=hf_auto,model=${tokenizer}`,
      ],
      ...["--data", "kind=synthetic_text,prompt_tokens=64,output_tokens=64", "--disable-console"],
      ...["--output", `kind=json,path=${join(outDir, "guidellm.json")}`],
    ],
    ttft(outDir) {
      const { successful } = json(join(outDir, "guidellm.json")).benchmarks[0].requests;
      return quantiles(successful.map((request: Json) => request.time_to_first_token_ms));
    },
    constantRate: true,
    requests: [100, 900],
    once: true,
    env: { HF_HUB_OFFLINE: "1" },
  },
  {
    name: "AIPerf",
    install() {
      pythonPackages();
      if (existsSync(aiperf)) return;
      run("python3", "-m", "venv", join(PEERS, "venv-aiperf"));
      run(join(PEERS, "venv-aiperf/bin/python"), "-m", "pip", "install", "--quiet", "aiperf");
    },
    command: ({ url, requests, concurrency, rate, outDir }) => [
      ...[aiperf, "profile", "--model", "bench", "--url", url, "--endpoint-type", "chat", "--streaming"],
      ...["--request-count", String(requests), "--tokenizer", tokenizer, "--ui", "none"],
      ...["--synthetic-input-tokens-mean", "64", "--output-tokens-mean", "64", "--artifact-dir", outDir],
      ...(rate === undefined
        ? ["--concurrency", String(concurrency)]
        : ["--request-rate", String(rate), "--arrival-pattern", "constant"]),
    ],
    ttft(outDir) {
      const lines = readFileSync(join(outDir, "profile_export.jsonl"), "utf8").trim().split("\n");
      return quantiles(lines.map((line) => JSON.parse(line).metrics.time_to_first_token.value));
    },
    constantRate: true,
    requests: [100, 900],
    once: true,
  },
  {
    name: "k6",
    note: "reads no events: the whole answer, and the time to its first byte",
    install() {
      if (existsSync(k6)) return;
      run("env", `GOBIN=${join(PEERS, "bin")}`, "go", "install", "go.k6.io/k6@latest");
    },
    command: ({ url, requests, concurrency, rate, outDir }) => [
      ...[k6, "run", "--quiet", "--no-usage-report", "-e", `URL=${url}`, "-e", `REQUESTS=${requests}`],
      ...[
        "-e",
        `CONCURRENCY=${concurrency}`,
        "-e",
        `RATE=${rate ?? ""}`,
        "-e",
        `OUT=${join(outDir, "k6.json")}`,
      ],
      join(loops, "k6.js"),
    ],
    ttft: (outDir) => json(join(outDir, "k6.json")),
    constantRate: true,
    requests: [500, 4500],
    env: { K6_NO_USAGE_REPORT: "true" },
  },
  {
    name: "autocannon",
    note: "reads no events, one body for all requests",
    install() {
      if (existsSync(autocannon)) return;
      run("npm", "install", "--silent", "--prefix", join(PEERS, "npm"), "autocannon");
    },
    command: ({ url, requests, concurrency, rate }) => [
      ...[process.execPath, autocannon, "-n", "--method", "POST", "--amount", String(requests)],
      ...["--connections", String(concurrency), "--headers", "content-type=application/json"],
      ...[
        "--body",
        JSON.stringify({ model: "bench", messages: [{ role: "user", content: " word".repeat(64) }] }),
      ],
      ...(rate === undefined ? [] : ["--overallRate", String(rate)]),
      `${url}/v1/chat/completions`,
    ],
    constantRate: true,
    requests: [500, 4500],
  },
];

function pythonPackages(): void {
  if (!existsSync(python)) {
    run("python3", "-m", "venv", join(PEERS, "venv"));
    run(python, "-m", "pip", "install", "--quiet", "aiohttp", "httpx", "tokenizers");
  }
  if (!existsSync(tokenizer)) run(python, join(loops, "tokenizer.py"), tokenizer);
}

/** @throws Error with the last of what it said. */
function run(program: string, ...args: readonly string[]): void {
  mkdirSync(PEERS, { recursive: true });
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8", timeout: 10 * 60_000 });
  if (status !== 0) throw new Error(error?.message ?? stderr.trim().split("\n").at(-1));
}

function listOf(outDir: string): Ttft {
  return quantiles(json(join(outDir, "ttft.json")));
}

function quantiles(values: readonly number[]): Ttft {
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99) };
}

// biome-ignore lint/suspicious/noExplicitAny: every tool's own shape.
type Json = any;
function json(path: string): Json {
  return JSON.parse(readFileSync(path, "utf8"));
}
