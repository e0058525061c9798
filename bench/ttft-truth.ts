/**
 * Time to first token as the engine measures it beside the server's own figure, at several concurrencies. The
 * scripted server runs in a process of its own and writes its first token at a known moment.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { parseConfig, runPlan } from "../src/index.ts";

const server = spawn(process.execPath, ["bench/scripted-server.ts", "--ttft", "50", "--gap", "10"], {
  stdio: ["ignore", "pipe", "inherit"],
});
const [url] = await lines(server.stdout!, 1);

console.log("TTFT, ms             server's own       engine, from schedule    engine, from send");
console.log(
  "concurrency requests   mean    p99         mean      p99           mean      p99    error of mean",
);
try {
  for (const concurrency of [1, 10, 50, 200]) {
    const requests = Math.max(100, concurrency * 10);
    const { seen } = await stats();
    const plan = parseConfig(
      { url, concurrency, requests, "input-tokens": 64, "output-tokens": 16 },
      (key) => key,
    );
    const { levels } = await runPlan(plan);
    const own = (await stats()).ttftMs
      .slice(seen + (levels[0]?.requests.warmup ?? 0))
      .toSorted((a, b) => a - b);
    const { ttft, ttft_sent } = levels[0]!.metrics;
    const mean = own.reduce((sum, ms) => sum + ms, 0) / own.length;
    const p99 = own[Math.ceil(own.length * 0.99) - 1]!;
    const figures = [mean, p99, ttft!.mean, ttft!.p99, ttft_sent!.mean, ttft_sent!.p99];
    console.log(
      String(concurrency).padStart(11) +
        String(own.length).padStart(9) +
        figures.map((ms, i) => ms.toFixed(1).padStart(i % 2 === 0 ? 10 : 8)).join("") +
        `${((ttft!.mean / mean - 1) * 100).toFixed(1)} %`.padStart(16),
    );
  }
} finally {
  server.kill();
}

async function stats(): Promise<{ seen: number; ttftMs: number[] }> {
  const { ttftMs } = (await (await fetch(`${url}/stats`)).json()) as { ttftMs: number[] };
  return { seen: ttftMs.length, ttftMs };
}

async function lines(stream: NodeJS.ReadableStream, count: number): Promise<string[]> {
  const read: string[] = [];
  for await (const line of createInterface({ input: stream })) if (read.push(line) === count) break;
  return read;
}
