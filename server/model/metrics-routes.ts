import Router from "@koa/router";
import type { Context } from "koa";
import { ApiError } from "../http/errors.ts";
import { gibibytes, rounded } from "../http/rounding.ts";
import type { Inference } from "../inference/inference.ts";
import type { RouteDeps } from "./model-deps.ts";
import type { RecentInference, Telemetry } from "./telemetry.ts";

/** `GET /metrics`, as JSON or as the text Prometheus reads. */
export function metricsRoutes(deps: RouteDeps): Router {
  const router = new Router();

  router.get("/metrics", async (ctx) => {
    ctx.vary("Accept");
    const asked = format(ctx);
    try {
      ctx.body = asked === "json" ? figures(deps) : await deps.telemetry.prometheus();
    } catch (cause) {
      throw new ApiError("METRICS_ERROR", "The metrics could not be collected.", { cause });
    }
    if (asked === "prometheus") ctx.type = "text/plain; version=0.0.4; charset=utf-8";
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
  const { inference } = models;
  const { gpu, gpuDevices } = system;
  const load = inference?.load();
  return {
    model_loaded: inference !== undefined,
    model: inference?.model.name ?? null,
    gpu_memory_used_gb: gibibytesOrNull(gpu?.usedBytes),
    gpu_memory_total_gb: gibibytesOrNull(gpu?.totalBytes),
    gpu_memory_peak_gb: gibibytesOrNull(system.gpuPeakBytes),
    gpu: {
      available: gpu !== undefined,
      devices: gpuDevices.map(({ name, usedBytes, totalBytes, utilizationPercent }) => ({
        name,
        memory_used_gb: gibibytesOrNull(usedBytes),
        memory_total_gb: gibibytesOrNull(totalBytes),
        utilization_percent: utilizationPercent ?? null,
      })),
    },
    system_memory_used_gb: gibibytesOrNull(system.memoryUsedBytes),
    system_memory_peak_gb: gibibytesOrNull(system.memoryPeakBytes),
    process_memory_used_gb: gibibytes(process.memoryUsage.rss()),
    memory_samples: { count: system.samples, every_seconds: system.everyMs / 1000 },
    model_memory: inference === undefined ? null : modelFigures(inference, telemetry, gpu !== undefined),
    ...rollingAverages(telemetry),
    total_inferences: telemetry.inferences,
    last_inference: telemetry.lastInferenceAt?.toISOString() ?? null,
    requests_running: load?.running ?? null,
    requests_waiting: load?.waiting ?? null,
    queue_limit: load?.queueLimit ?? null,
    largest_step_requests: load?.largestStep ?? null,
    kv_cache_usage: load?.cacheUsage ?? null,
    uptime_seconds: rounded(process.uptime(), 3),
  };
}

/** In bytes, since a small model's share of a gigabyte would read as nothing. */
function modelFigures(inference: Inference, telemetry: Telemetry, onGpu: boolean): object {
  const { model, context, cacheBytesPerToken } = inference.memory();
  const longest = telemetry.longestRequestTokens;
  return {
    model_ram_bytes: model.ramBytes,
    model_gpu_bytes: onGpu ? model.gpuBytes : null,
    context_ram_bytes: context.ramBytes,
    context_gpu_bytes: onGpu ? context.gpuBytes : null,
    kv_cache_bytes_per_token: cacheBytesPerToken ?? null,
    kv_cache_bytes_peak_request:
      longest === undefined || cacheBytesPerToken === undefined ? null : longest * cacheBytesPerToken,
  };
}

/** Of the last generations only, so that an hour of good service does not hide a bad minute. */
function rollingAverages({ recent, averageTokensPerSecond: speed }: Telemetry): object {
  const mean = (of: (one: RecentInference) => number, decimals: number) =>
    recent.length === 0
      ? null
      : rounded(recent.reduce((sum, one) => sum + of(one), 0) / recent.length, decimals);
  return {
    avg_tokens_per_second: speed === undefined ? null : rounded(speed, 2),
    avg_generation_seconds: mean((one) => one.seconds, 6),
    avg_time_to_first_token_seconds: mean((one) => one.firstTokenSeconds, 6),
    avg_tokens_generated: mean((one) => one.tokens, 2),
    averaged_inferences: recent.length,
  };
}

function gibibytesOrNull(bytes: number | undefined): number | null {
  return bytes === undefined ? null : gibibytes(bytes);
}
