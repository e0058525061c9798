import Router from "@koa/router";
import type { Context } from "koa";
import { ApiError } from "../errors.ts";
import { gibibytes, rounded } from "../rounding.ts";
import type { RouteDeps } from "./route-deps.ts";

/** `GET /metrics`, as JSON or as the text Prometheus reads. */
export function metricsRoutes(deps: RouteDeps): Router {
  const router = new Router();

  router.get("/metrics", async (ctx) => {
    ctx.vary("Accept");
    if (format(ctx) === "json") {
      ctx.body = figures(deps);
      return;
    }
    try {
      ctx.body = await deps.telemetry.prometheus();
      ctx.type = "text/plain; version=0.0.4; charset=utf-8";
    } catch (cause) {
      throw new ApiError("METRICS_ERROR", "The metrics could not be collected.", { cause });
    }
  });

  return router;
}

/** A client without a preference gets JSON; Prometheus names its own formats and gets the text. */
function format(ctx: Context): "json" | "prometheus" {
  const { format } = ctx.query;
  if (format === "json" || format === "prometheus") return format;
  if (format !== undefined) {
    const message = "must be json or prometheus";
    throw new ApiError("VALIDATION_ERROR", `format: ${message}`, { details: [{ field: "format", message }] });
  }
  const weights = acceptWeights(ctx.get("Accept"));
  const weight = (...types: string[]) => Math.max(...types.map((type) => weights.get(type) ?? 0));
  const text = weight("text/plain", "application/openmetrics-text");
  const textPreferred = text > weight("application/json") && text >= weight("application/*", "*/*");
  return textPreferred ? "prometheus" : "json";
}

/** Parameters such as `version` are ignored, where Koa's own negotiation would find no match for them. */
function acceptWeights(header: string): Map<string, number> {
  const ranges = header.split(",").map((range) =>
    range
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/),
  );
  return new Map(
    ranges.map(([type, ...parameters]) => {
      const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
      return [type ?? "", weight === undefined ? 1 : Number(weight) || 0];
    }),
  );
}

/** What is not known is null: a 0 would read as an empty graphics card or a standstill. */
function figures({ models, telemetry, system }: RouteDeps): object {
  const { gpu } = system;
  const load = models.inference?.load();
  const average = telemetry.averageTokensPerSecond;
  return {
    model_loaded: models.inference !== undefined,
    model: models.inference?.model.name ?? null,
    gpu_memory_used_gb: gpu === undefined ? null : gibibytes(gpu.usedBytes),
    gpu_memory_total_gb: gpu === undefined ? null : gibibytes(gpu.totalBytes),
    gpu: { available: gpu !== undefined, devices: gpu?.devices ?? [] },
    system_memory_used_gb: system.memoryUsedBytes === undefined ? null : gibibytes(system.memoryUsedBytes),
    process_memory_used_gb: gibibytes(process.memoryUsage.rss()),
    avg_tokens_per_second: average === undefined ? null : rounded(average, 2),
    total_inferences: telemetry.inferences,
    requests_running: load?.running ?? null,
    requests_waiting: load?.waiting ?? null,
    queue_limit: load?.queueLimit ?? null,
    largest_step_requests: load?.largestStep ?? null,
    kv_cache_usage: load?.cacheUsage ?? null,
    uptime_seconds: rounded(process.uptime(), 3),
  };
}
