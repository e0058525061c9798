import type { Finding, LevelResult, Result } from "../../../src/index.ts";
import { concurrencyOf } from "../results/level-view.ts";

/** One step of concurrency, judged by the share of good requests. */
export interface Step {
  readonly name: string;
  readonly concurrency: number;
  /** Most that can have been in flight: a level with fewer requests never reaches its concurrency. */
  readonly inFlight: number;
  /** Good requests out of all, 0 to 100; undefined when none ended. */
  readonly goodputPercent: number | undefined;
  readonly samples: number;
  readonly meets: boolean;
  /** Whether the samples show it at the run's confidence, or it is only what was seen. */
  readonly shown: boolean;
  readonly throughput: number | undefined;
}

export interface Capacity {
  /** In ascending order of concurrency. */
  readonly steps: readonly Step[];
  /** The highest that meets the objective with all lower ones. */
  readonly best: Step | undefined;
  /** The lowest that does not. */
  readonly saturated: Step | undefined;
  /** One above `saturated` that meets it again: something else than the load disturbed one of the two. */
  readonly contradicting: Step | undefined;
  /** All that `best` rests on is shown, and not only seen. */
  readonly shown: boolean;
  /** What says that the generator, and not the server, was the limit in a step that decides. */
  readonly generatorLimits: readonly Finding[];
}

/** What the levels say about the most that the server can take. */
export function capacityOf(
  { levels, findings }: Pick<Result, "levels" | "findings">,
  targetPercent: number,
): Capacity {
  const steps = levels
    .map((level) => stepOf(level, targetPercent))
    .toSorted((a, b) => a.concurrency - b.concurrency);
  const firstFailing = steps.findIndex(({ meets }) => !meets);
  const passing = firstFailing === -1 ? steps : steps.slice(0, firstFailing);
  const saturated = firstFailing === -1 ? undefined : steps[firstFailing];
  const deciding = [...passing, ...(saturated ? [saturated] : [])].map(({ name }) => name);
  return {
    steps,
    best: passing.at(-1),
    saturated,
    contradicting: steps.slice(passing.length + 1).findLast(({ meets }) => meets),
    shown: passing.every(({ shown }) => shown),
    generatorLimits: findings.filter(
      ({ code, level, at }) =>
        level === "invalid" && GENERATOR.has(code) && (at === undefined || deciding.includes(at)),
    ),
  };
}

/** Findings about the program that sends, not about the server. */
const GENERATOR: ReadonlySet<string> = new Set([
  "generator_late",
  "event_loop_blocked",
  "client_cpu_saturated",
  "client_limit",
]);

/** Of shares that were computed from whole requests. */
const ROUNDING = 1e-9;

function stepOf(level: LevelResult, targetPercent: number): Step {
  const concurrency = concurrencyOf(level) ?? 0;
  // The first objective is goodput by both targets.
  const [goodput] = level.objectives;
  const goodputPercent = goodput?.observed === undefined ? undefined : 100 * goodput.observed;
  return {
    name: level.name,
    concurrency,
    inFlight: Math.min(concurrency, level.requests.issued),
    goodputPercent,
    samples: goodput?.samples ?? 0,
    meets: goodputPercent !== undefined && goodputPercent >= targetPercent - ROUNDING,
    shown: goodput !== undefined && goodput.outcome !== "inconclusive",
    throughput: level.metrics.output_throughput,
  };
}
