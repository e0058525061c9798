import { z } from "zod";
import type { Facts } from "./bottleneck-rules.ts";

const amountError = { error: "must be a number from 0 up, or null" };
const amount = z.number(amountError).min(0, amountError).nullish();
const shareError = { error: "must be a share from 0 to 1, or null" };
const share = z.number(shareError).min(0, shareError).max(1, shareError).nullish();
const percentError = { error: "must be a percentage from 0 to 100, or null" };

/** They may stand in any of the sections, since engines and callers sort them differently. */
const shares = {
  memory_usage: share.meta({ description: "Share of the GPU's memory in use, 0 to 1." }),
  cache_hit_rate: share.meta({
    description: "Share of look-ups in the prefix cache that found something, 0 to 1.",
  }),
};
const sectionError = { error: "must be an object" };

/** What `/metrics/collect` answers can be sent as it came; what rules do not know is passed over. */
export const metricsBody = z
  .looseObject(
    {
      request_metrics: z
        .looseObject(
          {
            time_to_first_token_seconds: amount,
            time_per_output_token_seconds: amount,
            e2e_request_latency_seconds: amount,
            ...shares,
          },
          sectionError,
        )
        .nullish(),
      gpu_metrics: z
        .looseObject(
          {
            cache_usage_perc: z
              .number(percentError)
              .min(0, percentError)
              .max(100, percentError)
              .nullish()
              .meta({ description: "Of the KV cache, 0 to 100." }),
            num_requests_running: amount,
            num_requests_waiting: amount,
            ...shares,
          },
          sectionError,
        )
        .nullish(),
      throughput_metrics: z.looseObject({ tokens_per_second: amount, ...shares }, sectionError).nullish(),
      ...shares,
    },
    sectionError,
  )
  .refine(
    (metrics) => metrics.request_metrics || metrics.gpu_metrics || metrics.throughput_metrics,
    "must have one of request_metrics, gpu_metrics and throughput_metrics at least",
  )
  .meta({ description: "As /metrics/collect gives them; at least one of its three sections." });

/** A cache that is full is memory that is: engines take all the memory they may from the start. */
export function factsOf(metrics: z.output<typeof metricsBody>): Facts {
  const { request_metrics: request, gpu_metrics: gpu, throughput_metrics: throughput } = metrics;
  const shareOf = (name: keyof typeof shares) =>
    [gpu, request, throughput, metrics].map((section) => section?.[name]).find((value) => value != null) ??
    undefined;
  const used = gpu?.cache_usage_perc ?? undefined;
  return {
    memoryUsage: shareOf("memory_usage") ?? (used === undefined ? undefined : used / 100),
    ttftSeconds: request?.time_to_first_token_seconds ?? undefined,
    tpotSeconds: request?.time_per_output_token_seconds ?? undefined,
    running: gpu?.num_requests_running ?? undefined,
    waiting: gpu?.num_requests_waiting ?? undefined,
    tokensPerSecond: throughput?.tokens_per_second ?? undefined,
    cacheHitRate: shareOf("cache_hit_rate"),
  };
}
