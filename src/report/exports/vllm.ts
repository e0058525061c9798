import { type Criterion, holds } from "../../plan/objective.ts";
import type { Level, Load, Plan } from "../../plan/plan.ts";
import type { RequestRecord } from "../../record/record.ts";
import type { RecordsHeader } from "../../record/records-file.ts";
import type { Result } from "../../result.ts";
import { NS_PER_MS, NS_PER_S } from "../../units.ts";
import { recordsByLevel, Span } from "./records-by-level.ts";
import { Samples } from "./samples.ts";

/**
 * The object that vLLM's `bench serve --save-result` writes, computed from our stamps by vLLM's own
 * definitions (`vllm/benchmarks/serve.py`, `calculate_metrics`), so that scripts made for it read ours.
 * They differ from docs/metrics.md: latency counts from the send and ends with the last token, all
 * requests of the level count and not only its window, and percentiles lie between ranks.
 */
export type VllmResult = Readonly<Record<string, string | number | null>>;

/** One object for a run of one level, as vLLM writes it; an array of them for several. @throws GoodputError RESULT_UNREADABLE. */
export async function exportVllm(recordsPath: string, result: Result): Promise<string> {
  const { header, levels } = await recordsByLevel(recordsPath, () => new VllmFold());
  const objects = levels.map(({ level, fold }) => fold.finish(header, result, level));
  return `${JSON.stringify(objects.length === 1 ? objects[0] : objects, null, 2)}\n`;
}

/** One level's object; records of other levels and of a baseline are passed over. `level` is its index in the plan. */
export async function vllmResult(
  header: RecordsHeader,
  records: AsyncIterable<RequestRecord> | Iterable<RequestRecord>,
  result: Result,
  level: number,
): Promise<VllmResult> {
  const fold = new VllmFold();
  for await (const record of records) {
    if (record.level === level && record.side === undefined) fold.add(record);
  }
  return fold.finish(header, result, header.plan.levels[level]);
}

const LATENCIES = ["ttft", "tpot", "itl", "e2el"] as const;
/** vLLM writes those that `--metric-percentiles` names: 99 alone unless asked. */
const PERCENTILES = [90, 95, 99] as const;

/** What goodput asks of one completed request, nanoseconds. */
interface Served {
  readonly start: number;
  readonly end: number;
  readonly ttft?: number;
  readonly tpot: number;
}

class VllmFold {
  readonly #latencies = { ttft: new Samples(), tpot: new Samples(), itl: new Samples(), e2el: new Samples() };
  readonly #served: Served[] = [];
  /** Moment of every chunk, which is what vLLM counts as a token of a second. */
  readonly #chunks = new Samples();
  #failed = 0;
  #inputTokens = 0;
  #outputTokens = 0;
  readonly #span = new Span();

  begin(): void {
    this.#span.begin();
  }

  add(record: RequestRecord): void {
    // A request that we cut off has no like in vLLM, which waits for all of them.
    if (record.outcome === "incomplete") return;
    const { issued, outputs, outputTokens } = record;
    this.#span.add(issued, record.end);
    if (record.outcome === "failed") {
      this.#failed++;
      return;
    }
    // Their clock starts just before the request is handed to the client, and stops with the last token.
    const end = outputs.at(-1) ?? record.end;
    const latency = end - issued;
    const ttft = outputs[0] === undefined ? undefined : outputs[0] - issued;
    const tpot = outputTokens > 1 && ttft !== undefined ? (latency - ttft) / (outputTokens - 1) : undefined;
    this.#inputTokens += record.inputTokens ?? 0;
    this.#outputTokens += outputTokens;
    this.#latencies.e2el.add(latency);
    if (ttft !== undefined) this.#latencies.ttft.add(ttft);
    if (tpot !== undefined) this.#latencies.tpot.add(tpot);
    for (let i = 1; i < outputs.length; i++) this.#latencies.itl.add(outputs[i]! - outputs[i - 1]!);
    for (const at of outputs) this.#chunks.add(at);
    // For goodput a request of one token has a tpot of 0.
    this.#served.push({ start: issued, end, tpot: tpot ?? 0, ...(ttft !== undefined && { ttft }) });
  }

  finish(header: RecordsHeader, result: Result, level: Level | undefined): VllmResult {
    const { plan } = header;
    const completed = this.#served.length;
    const ended = completed + this.#failed;
    const { seconds } = this.#span;
    const perSecond = (count: number) => (seconds > 0 ? count / seconds : null);
    const good = goodCount(plan, this.#served);
    return {
      date: vllmDate(header.started_at),
      endpoint_type: backendOf(plan),
      backend: backendOf(plan),
      label: null,
      model_id: result.target.model,
      tokenizer_id: plan.workload.tokenizer ?? result.target.model,
      num_prompts: level?.stop.requests ?? ended,
      ...(level === undefined ? {} : traffic(level.load)),
      duration: ended === 0 ? null : seconds,
      completed,
      failed: this.#failed,
      total_input_tokens: this.#inputTokens,
      total_output_tokens: this.#outputTokens,
      request_throughput: perSecond(completed),
      request_goodput: good === undefined ? null : perSecond(good),
      output_throughput: perSecond(this.#outputTokens),
      total_token_throughput: perSecond(this.#inputTokens + this.#outputTokens),
      ...this.#peaks(),
      ...this.#statistics(),
    };
  }

  #statistics(): Record<string, number> {
    const figures: Record<string, number> = {};
    for (const name of LATENCIES) {
      const values = this.#latencies[name];
      // vLLM writes 0 here; what was not measured is left out.
      if (values.count === 0) continue;
      figures[`mean_${name}_ms`] = values.mean! / NS_PER_MS;
      figures[`median_${name}_ms`] = values.linearQuantile(0.5)! / NS_PER_MS;
      figures[`std_${name}_ms`] = values.populationStd! / NS_PER_MS;
      for (const p of PERCENTILES) figures[`p${p}_${name}_ms`] = values.linearQuantile(p / 100)! / NS_PER_MS;
    }
    return figures;
  }

  /** The fullest second since the first completed request was sent, and the most in flight at any moment. */
  #peaks(): Record<string, number> {
    if (this.#served.length === 0) return {};
    const start = this.#served.reduce(
      (first, served) => Math.min(first, served.start),
      Number.POSITIVE_INFINITY,
    );
    const perSecond = new Map<number, number>();
    this.#chunks.each((at) => {
      const second = Math.floor((at - start) / NS_PER_S);
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
    });
    let fullest = 0;
    for (const count of perSecond.values()) fullest = Math.max(fullest, count);
    return { max_output_tokens_per_s: fullest, max_concurrent_requests: mostInFlight(this.#served) };
  }
}

/** Half-open intervals: where one ends as another begins, they never overlap. */
function mostInFlight(served: readonly Served[]): number {
  const events = served
    .flatMap(({ start, end }) => [[start, 1] as const, [end, -1] as const])
    .sort(([a, stepA], [b, stepB]) => a - b || stepA - stepB);
  let inFlight = 0;
  let most = 0;
  for (const [, step] of events) {
    inFlight += step;
    most = Math.max(most, inFlight);
  }
  return most;
}

/** By the criteria of the plan's goodput objective, on vLLM's latencies; absent where there is none. */
function goodCount(plan: Plan, served: readonly Served[]): number | undefined {
  const criteria = plan.objectives.flatMap(({ subject }) =>
    subject.kind === "goodput_ratio" ? [subject.criteria] : [],
  )[0];
  return criteria === undefined ? undefined : served.filter((one) => isGood(one, criteria)).length;
}

function isGood(served: Served, criteria: readonly Criterion[]): boolean {
  return criteria.every(({ metric, op, limitNs }) => {
    const value = vllmValue(served, metric);
    return value !== undefined && holds(value, op, limitNs);
  });
}

function vllmValue({ start, end, ttft, tpot }: Served, metric: Criterion["metric"]): number | undefined {
  switch (metric) {
    case "ttft":
    case "ttft_sent":
      return ttft;
    case "tpot":
      return tpot;
    case "e2e":
      return end - start;
  }
}

function traffic(load: Load): Record<string, string | number | null> {
  switch (load.kind) {
    case "closed":
      return { request_rate: "inf", burstiness: 1, max_concurrency: load.concurrency };
    case "open":
      return {
        request_rate: load.requestsPerSecond,
        burstiness: load.burstiness,
        max_concurrency: load.maxConcurrency ?? null,
      };
    case "stages": {
      const first = load.stages[0]?.target ?? null;
      const last = load.stages.at(-1)?.target ?? null;
      if (load.of === "concurrency") return { request_rate: "inf", burstiness: 1, max_concurrency: last };
      return {
        request_rate: "inf",
        burstiness: load.burstiness,
        max_concurrency: load.maxConcurrency ?? null,
        ramp_up_strategy: "linear",
        ramp_up_start_rps: load.stages.length > 1 ? first : 0,
        ramp_up_end_rps: last,
      };
    }
    case "users":
      return { request_rate: "inf", burstiness: 1, max_concurrency: load.users };
    case "replay":
      return { request_rate: null, burstiness: 1, max_concurrency: load.maxConcurrency ?? null };
  }
}

/** vLLM's names of the two protocols that it shares with us; another keeps our name. */
function backendOf({ target }: Plan): string {
  return target.protocol === "openai-completions" ? "openai" : target.protocol;
}

/** "2026-03-14T09:26:53.000Z" → "20260314-092653"; vLLM writes local time, we write UTC. */
function vllmDate(iso: string): string {
  return iso.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
}
