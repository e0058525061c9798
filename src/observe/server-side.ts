import type { ServerLatency, ServerSide } from "../result.ts";
import { type Engine, FIGURES, type Figure } from "./engines.ts";
import { addGrowths, type Growth, latencyOf } from "./histogram.ts";
import type { Replica } from "./replica.ts";

/** The highest of each gauge over the samples that were taken while the level ran, summed over replicas. */
export interface Highest {
  readonly running?: number;
  readonly waiting?: number;
  readonly kvCacheUsage?: number;
  readonly gpuMemoryBytes?: number;
}

/**
 * Merges what several pages say of one level.
 * @param problems What went wrong while they were read.
 */
export function serverSide(
  replicas: readonly Replica[],
  highest: Highest,
  problems: readonly string[],
): ServerSide {
  // A page without an engine's names may be an exporter's, and is no replica.
  const engines = replicas.flatMap(({ engine }) => engine ?? []);
  const engine = engines[0];
  const memory = highest.gpuMemoryBytes;
  const gpu = memory === undefined ? {} : { gpu_memory_used_bytes_max: memory };
  if (engine === undefined) {
    const unavailable = [...problems, "no page has the names of an engine that is known"];
    return { engine: "unknown", replicas: 0, ...gpu, unavailable };
  }
  const alike = replicas.filter((replica) => replica.engine === engine);
  const others =
    alike.length < engines.length
      ? [`only the replicas of ${engine.title} are summed: others are of another engine`]
      : [];
  const account = new Account(engine, alike, [...problems, ...others]);
  return {
    engine: engine.engine,
    replicas: alike.length,
    ...account.latencies(),
    ...account.counters(),
    ...account.gauges(highest),
    ...account.prefixCache(),
    ...gpu,
    unavailable: [...new Set(account.unavailable)],
  };
}

const LATENCIES = ["ttft", "itl", "e2e", "queue"] as const;
const COUNTERS = ["requests", "prompt_tokens", "generation_tokens"] as const;
const GAUGES = {
  running_max: { figure: "running", of: "running" },
  waiting_max: { figure: "waiting", of: "waiting" },
  kv_cache_usage_max: { figure: "kv_cache_usage", of: "kvCacheUsage" },
} as const satisfies Record<string, { figure: Figure; of: keyof Highest }>;

/** The figures of one engine's replicas; what one of them lacks goes to `unavailable` with the reason. */
class Account {
  readonly unavailable: string[];
  readonly #engine: Engine;
  readonly #replicas: readonly Replica[];

  constructor(engine: Engine, replicas: readonly Replica[], problems: readonly string[]) {
    this.#engine = engine;
    this.#replicas = replicas;
    this.unavailable = [...problems];
  }

  latencies(): Partial<Record<(typeof LATENCIES)[number], ServerLatency>> {
    const found: Partial<Record<(typeof LATENCIES)[number], ServerLatency>> = {};
    for (const figure of LATENCIES) {
      const growth = this.#growthOf(figure);
      const latency = growth && latencyOf(growth);
      if (latency === undefined)
        this.#lacks(figure, growth ? "nothing was observed while the level ran" : this.#why(figure));
      else {
        found[figure] = latency;
        if (latency.p50 === undefined) this.#lacks(`${figure} quantiles`, "the page has no buckets for them");
      }
    }
    return found;
  }

  counters(): Partial<Record<(typeof COUNTERS)[number], number>> {
    const found: Partial<Record<(typeof COUNTERS)[number], number>> = {};
    for (const figure of COUNTERS) {
      const value = this.#growthOf(figure)?.value;
      if (value === undefined) this.#lacks(figure, this.#why(figure));
      else found[figure] = value;
    }
    return found;
  }

  gauges(highest: Highest): Partial<Record<keyof typeof GAUGES, number>> {
    const found: Partial<Record<keyof typeof GAUGES, number>> = {};
    for (const name of Object.keys(GAUGES) as (keyof typeof GAUGES)[]) {
      const { figure, of } = GAUGES[name];
      const value = highest[of];
      if (value === undefined) {
        const seen = this.#replicas.some((replica) => replica.hasGauge(figure));
        this.#lacks(name, seen ? "no sample was taken while the level ran" : this.#why(figure));
      } else if (figure === "kv_cache_usage" && value > 1)
        this.#lacks(name, `the page says ${value}, which is no share of 1`);
      else found[name] = value;
    }
    return found;
  }

  prefixCache(): { prefix_cache_hit_ratio?: number } {
    const name = "prefix_cache_hit_ratio";
    const hits = this.#growthOf("prefix_hits")?.value;
    const queries = this.#growthOf("prefix_queries")?.value;
    if (hits === undefined) this.#lacks(name, this.#why("prefix_hits"));
    else if (queries === undefined) this.#lacks(name, this.#why("prefix_queries"));
    else if (queries <= 0) this.#lacks(name, "nothing was looked up while the level ran");
    else if (hits > queries) this.#lacks(name, `the page counts ${hits} hits of ${queries}`);
    else return { [name]: hits / queries };
    return {};
  }

  #growthOf(figure: Figure): Growth | undefined {
    const growths = this.#replicas.flatMap((replica) => replica.growthOf(figure) ?? []);
    if (growths.length > 0 && growths.length < this.#replicas.length)
      this.#lacks(figure, `only ${growths.length} of ${this.#replicas.length} replicas have it`);
    return addGrowths(growths);
  }

  #why(figure: Figure): string {
    const source = this.#engine.figures[figure];
    if ("none" in source) return source.none;
    if (FIGURES[figure] !== "gauge" && this.#replicas.every(({ pages }) => pages < 2))
      return "it takes two readings of a page, and there was one";
    return `the page has no ${source.join(" and no ")}`;
  }

  #lacks(name: string, reason: string): void {
    this.unavailable.push(`${name}: ${reason}`);
  }
}
