import type { LatencyName, LatencyStats, LevelMetrics, LevelResult, LoadResult } from "../../result.ts";
import { amount, at, type Json } from "./json.ts";

/** Where one figure is found in another tool's file, as data: the path, and what turns its unit into ours. */
export interface Source {
  readonly path: readonly string[];
  /** Multiplies what is found; 1 where it is left out. */
  readonly factor?: number;
}

/** The plain figures of a level. */
export type ScalarSources = Readonly<Partial<Record<Exclude<keyof LevelMetrics, LatencyName>, Source>>>;
export type LatencySources = Readonly<Partial<Record<LatencyName, LatencySource>>>;

/** A latency's statistics below one path, each under the tool's own key. */
export interface LatencySource {
  readonly statistics: Readonly<Partial<Record<keyof LatencyStats, Source>>>;
}

/**
 * A level with what the file holds. Statistics that it lacks are absent from a latency, although
 * `LatencyStats` names them all: a report prints a dash and a comparison passes over them.
 */
export function importedLevel(
  source: Json,
  fields: {
    readonly load: LoadResult;
    readonly requests: { readonly completed: number; readonly failed: number; readonly incomplete?: number };
    readonly seconds: number | undefined;
    readonly latencies: LatencySources;
    readonly scalars: ScalarSources;
  },
): LevelResult {
  const { load, requests, seconds = 0 } = fields;
  const { completed, failed, incomplete = 0 } = requests;
  const ended = completed + failed;
  const metrics: Record<string, unknown> = {};
  for (const [name, { statistics }] of Object.entries(fields.latencies)) {
    const stats = figures(source, statistics);
    if (Object.keys(stats).some((key) => key !== "count")) metrics[name] = stats;
  }
  Object.assign(metrics, figures(source, fields.scalars));
  if (ended > 0) metrics.error_rate = failed / ended;
  return {
    name: loadName(load),
    load,
    stop: {},
    window: { start: 0, end: seconds, seconds },
    requests: { issued: ended + incomplete, completed, failed, incomplete, warmup: 0, failures: {} },
    metrics: metrics as LevelMetrics,
    objectives: [],
    timeline: [],
    histograms: {},
    failure_examples: {},
  };
}

/** As `levelName` says it, so that a level finds its like in our own results. */
function loadName(load: LoadResult): string {
  switch (load.kind) {
    case "closed":
      return `concurrency ${load.concurrency}`;
    case "open":
      return `${load.rate} req/s ${load.arrivals}`;
    case "users":
      return `${load.users} users`;
    case "stages":
      return "stages";
    case "replay":
      return "trace";
  }
}

function figures(source: Json, wanted: Readonly<Partial<Record<string, Source>>>): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [name, where] of Object.entries(wanted)) {
    const value = where === undefined ? undefined : amount(at(source, ...where.path));
    const inUnit = value === undefined ? undefined : value * (where!.factor ?? 1);
    if (Number.isFinite(inUnit)) found[name] = inUnit!;
  }
  return found;
}
