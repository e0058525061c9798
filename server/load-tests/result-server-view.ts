import type { LevelResult } from "../../src/index.ts";
import { gibibytes, rounded } from "../rounding.ts";
import type { ResultView } from "./result-view.ts";

/** What the server's own metrics page said while the levels ran: about itself, and about its accelerator. */
export function infraView(levels: readonly LevelResult[]): Pick<ResultView, "gpu_metrics" | "server_infra"> {
  const pages = levels.flatMap(({ server }) => server ?? []);
  const memory = most(pages.map((page) => page.gpu_memory_used_bytes_max));
  const known = pages.find(({ engine }) => engine !== "unknown");
  const cache = most(pages.map((page) => page.kv_cache_usage_max));
  return {
    ...(memory !== undefined && { gpu_metrics: { memory_used_gb_max: gibibytes(memory) } }),
    ...(known && {
      server_infra: {
        engine: known.engine,
        replicas: Math.max(...pages.map(({ replicas }) => replicas)),
        // The page has a share of 1.
        cache_usage_perc_max: cache === undefined ? null : rounded(100 * cache, 3),
        requests_running_max: most(pages.map((page) => page.running_max)) ?? null,
        requests_waiting_max: most(pages.map((page) => page.waiting_max)) ?? null,
      },
    }),
  };
}

function most(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
