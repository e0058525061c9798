/**
 * How long the Action takes to report, and how many calls that costs: a run against a GitHub that takes its time,
 * less a run without one. The first report on a pull request, later ones, and eight jobs of a matrix that end at
 * the same time, each with comment and check run.
 */
import { parseArgs } from "node:util";
import { startScriptedServer } from "../src/scripted-server.ts";
import { type FakeGitHub, startFakeGitHub } from "../test/support/fake-github.ts";
import { runAction } from "../test/support/fake-runner.ts";
import { heading, shown, spread, table } from "./lib/table.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    /** How long a call is on its way there, and its answer back. */
    "least-ms": { type: "string", default: "100" },
    "most-ms": { type: "string", default: "200" },
  },
});
const [leastMs, mostMs] = [Number(values["least-ms"]), Number(values["most-ms"])];
const JOBS = ["a10", "a100", "cpu", "h100", "l4", "mi300", "t4", "v100"];
const LATER = 5;

interface Cost {
  readonly seconds: number[];
  /** A job's, on average where several ran. */
  readonly calls: number[];
}

const target = await startScriptedServer({ chunks: 3 });
const costs: Record<"first" | "later" | "together", Cost> = {
  first: { seconds: [], calls: [] },
  later: { seconds: [], calls: [] },
  together: { seconds: [], calls: [] },
};
try {
  for (let round = 1; round <= Number(values.rounds); round++) {
    await withGitHub(round, async (github) => {
      for (let runId = 1; runId <= 1 + LATER; runId++) {
        await measure(runId === 1 ? costs.first : costs.later, github, ["load-test"], runId);
      }
    });
    await withGitHub(round, (github) => measure(costs.together, github, JOBS, 1));
  }
} finally {
  await target.close();
}

heading(`Reporting, ${2 * leastMs} to ${2 * mostMs} ms a call, ${values.rounds} rounds: median (min–max)`);
console.log(
  table(
    ["", "s", "calls a job"],
    [
      ["first report", ...told(costs.first)],
      ["later report", ...told(costs.later)],
      ["eight jobs at once, the slowest", ...told(costs.together)],
    ],
  ),
);

async function withGitHub(seed: number, use: (github: FakeGitHub) => Promise<void>): Promise<void> {
  const github = await startFakeGitHub({ latency: { seed, leastMs, mostMs } });
  try {
    await use(github);
    if (github.comments.length !== 1) throw new Error(`${github.comments.length} comments in place of one`);
  } finally {
    await github.close();
  }
}

async function measure(
  { seconds, calls }: Cost,
  { apiUrl, calls: made }: FakeGitHub,
  sections: readonly string[],
  runId: number,
): Promise<void> {
  const before = made.length;
  const all = (url?: string) =>
    Promise.all(
      sections.map((section) =>
        runAction({
          inputs: { url: target.url, requests: "20", model: "m", slo: "ttft_p50 < 60s", section },
          env: { GITHUB_RUN_ID: String(runId) },
          ...(url !== undefined && { apiUrl: url }),
        }),
      ),
    );
  const slowest = (runs: readonly { readonly tookMs: number }[]) =>
    Math.max(...runs.map(({ tookMs }) => tookMs));
  const withIt = slowest(await all(apiUrl));
  const without = slowest(await all());
  seconds.push((withIt - without) / 1000);
  calls.push((made.length - before) / sections.length);
}

function told({ seconds, calls }: Cost): [string, string] {
  return [shown(spread(seconds), 1), shown(spread(calls), 1)];
}
