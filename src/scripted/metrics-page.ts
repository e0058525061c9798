import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Slots } from "./slots.ts";

/** What the server counts of itself, under the names that vLLM exports. */
export interface Metrics {
  /** Seconds. */
  readonly ttft: { observe(seconds: number): void };
  readonly gap: { observe(seconds: number): void };
  readonly endToEnd: { observe(seconds: number): void };
  readonly queue: { observe(seconds: number): void };
  readonly promptTokens: { inc(by: number): void };
  /** Tokens. */
  readonly prefixQueries: { inc(by: number): void };
  readonly prefixHits: { inc(by: number): void };
  readonly generationTokens: { inc(by: number): void };
  finished(reason: "length" | "abort" | "error"): void;
  page(): Promise<string>;
  readonly contentType: string;
}

/** vLLM's own bounds. */
const TTFT_S = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640,
  2560,
];
const GAP_S = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
const REQUEST_S = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
];

export function metricsOf(model: string, slots: Slots): Metrics {
  const registry = new Registry();
  const registers = [registry];
  registry.setDefaultLabels({ model_name: model, engine: "0" });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `vllm:${name}`, help, buckets, registers });
  const counter = (name: string, help: string) => new Counter({ name: `vllm:${name}`, help, registers });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `vllm:${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge("num_requests_running", "Requests that are being computed.", () => slots.running);
  gauge("num_requests_waiting", "Requests that wait to be computed.", () => slots.waiting);
  const success = new Counter({
    name: "vllm:request_success_total",
    help: "Requests that ended, by why.",
    labelNames: ["finished_reason"],
    registers,
  });
  return {
    ttft: histogram("time_to_first_token_seconds", "From a request's last byte to its first token.", TTFT_S),
    gap: histogram("inter_token_latency_seconds", "Between chunks.", GAP_S),
    endToEnd: histogram("e2e_request_latency_seconds", "From a request's last byte to its end.", REQUEST_S),
    queue: histogram("request_queue_time_seconds", "Waiting to be computed.", REQUEST_S),
    promptTokens: counter("prompt_tokens_total", "Input tokens of requests that had a first token."),
    prefixQueries: counter("prefix_cache_queries_total", "Input tokens that were looked for in the cache."),
    prefixHits: counter("prefix_cache_hits_total", "Input tokens that were in the cache."),
    generationTokens: counter("generation_tokens_total", "Output tokens."),
    finished: (reason) => success.inc({ finished_reason: reason }),
    page: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
