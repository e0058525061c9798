import { parseConfig, runPlan } from "../../src/index.ts";

export interface Load {
  readonly url: string;
  readonly streams: number;
  readonly outputTokens: number;
  readonly stop: { readonly duration: string } | { readonly requests: number };
}

export interface Measured {
  readonly failed: number;
  readonly tokensPerSecond: number;
  readonly ttftP50Ms: number;
  readonly ttftP99Ms: number;
}

/** Answers of exactly so many tokens, so many streams at a time. @throws Error when many fail. */
export async function measure({ url, streams, outputTokens, stop }: Load): Promise<Measured> {
  const plan = parseConfig(
    {
      url,
      concurrency: streams,
      "input-tokens": 32,
      "output-tokens": outputTokens,
      "ignore-eos": true,
      // Slots are filled and out of step with each other before anything is counted.
      warmup: streams,
      ...stop,
    },
    (key) => key,
  );
  const result = await runPlan(plan);
  const { requests, metrics, failure_examples } = result.levels[0]!;
  // llama-server closes a kept connection now and then just as it is used again; more than that is a fault.
  if (requests.failed > requests.issued / 10)
    throw new Error(
      `Of ${requests.issued} requests ${requests.failed} failed: ${JSON.stringify(failure_examples)}`,
    );
  return {
    failed: requests.failed,
    tokensPerSecond: metrics.output_throughput!,
    ttftP50Ms: metrics.ttft!.p50,
    ttftP99Ms: metrics.ttft!.p99,
  };
}
