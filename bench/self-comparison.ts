/**
 * A service compared with itself: how often a figure is called worse, or an alarm goes off, and how often a real
 * slowdown is found. `node bench/self-comparison.ts [runs] [service] [requests,…]`; docs/statistics.md keeps what it prints.
 */
import { compareLevels } from "../src/judge/compare.ts";
import { figuresOfSummary } from "../src/judge/level-figures.ts";
import { regressionsIn } from "../src/judge/regressions.ts";
import { parseConfig } from "../src/plan/config.ts";
import { type Random, random } from "../src/random.ts";
import { blocksOf } from "../src/run/blocks.ts";
import { LevelSummarizer, type LevelSummary } from "../src/summarize/summary.ts";
import { SERVICES, type Service } from "./lib/simulated.ts";
import { addStretch } from "./lib/summarized.ts";
import { table } from "./lib/table.ts";

const RUNS = Number(process.argv[2] ?? 100);
const ONLY = process.argv[3] ?? "";
const REQUESTS = (process.argv[4] ?? "200,500,2000").split(",").map(Number);
const SLOWER = 1.15;

const plan = parseConfig({ url: "http://target.test", requests: 10, concurrency: 8 }, (key) => key);
const [level] = plan.levels;

/** Each side measured by itself, on a service in its steady state. */
function apart(service: Service, requests: number, slower: number, chance: Random): LevelSummary[] {
  return [1, slower].map((factor) => {
    const summarizer = new LevelSummarizer(level!);
    addStretch(summarizer, service.measure(requests, chance, { slower: factor }));
    return summarizer.finish();
  });
}

/** In blocks that take turns, each of which begins on an empty service and sends what its twin sends. */
function alternating(service: Service, requests: number, slower: number, run: number): LevelSummary[] {
  const stop = { requests };
  const blocks = blocksOf({ ...level!, stop }, true);
  const summarizers = { base: new LevelSummarizer(level!), head: new LevelSummarizer(level!) };
  for (const [i, { side, stop, firstIndex }] of blocks.entries()) {
    const own = random(4, service.name, run, i);
    const common = random(5, service.name, run, firstIndex);
    const factor = side === "head" ? slower : 1;
    addStretch(
      summarizers[side],
      service.measure(stop.requests!, own, { before: 20, common, slower: factor }),
    );
  }
  return [summarizers.base.finish(), summarizers.head.finish()];
}

const share = (hits: number) => `${Math.round((100 * hits) / RUNS)}`;
const rows = SERVICES.filter(({ name }) => name.includes(ONLY)).map((service) => [
  service.name,
  ...REQUESTS.flatMap((requests) => {
    const count = { stored: 0, alternating: 0, alarm: 0, foundStored: 0, found: 0 };
    for (let run = 0; run < RUNS; run++) {
      const ask = (sides: LevelSummary[]) => {
        const [base, head] = sides.map(figuresOfSummary);
        const changes = compareLevels(base!, head!, 0.95);
        const levels = [{ name: "level", changes, added: [], removed: [] }];
        const { beyond } = regressionsIn(
          { kind: "stored", baseline: { run_id: "", started_at: "", url: "", model: "" }, levels },
          { regression: 0.1, errorRate: 0.01 },
        );
        return {
          worse: changes.some(({ change }) => change === "worse"),
          p95: changes.some(({ metric, change }) => metric === "ttft_p95" && change === "worse"),
          alarm: beyond.length > 0,
        };
      };
      const same = ask(apart(service, requests, 1, random(6, service.name, requests, run)));
      const turns = ask(alternating(service, requests, 1, run));
      if (same.worse) count.stored++;
      if (turns.worse) count.alternating++;
      if (same.alarm || turns.alarm) count.alarm++;
      if (ask(apart(service, requests, SLOWER, random(7, service.name, requests, run))).p95)
        count.foundStored++;
      if (ask(alternating(service, requests, SLOWER, run)).p95) count.found++;
    }
    return [
      `${share(count.stored)} ${share(count.alternating)} ${share(count.alarm)}`,
      `${share(count.foundStored)} ${share(count.found)}`,
    ];
  }),
]);
console.log(
  `Compared with itself: some figure is called worse against a stored baseline, in alternation, and alarms; then: 15 % slower, ttft_p95 is called worse against a stored baseline, in alternation. % of ${RUNS} runs\n`,
);
console.log(table(["service", ...REQUESTS.flatMap((n) => [`n = ${n}: same`, "15 % slower"])], rows));
