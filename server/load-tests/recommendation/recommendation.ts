import type { Result } from "../../../src/index.ts";
import { rounded } from "../../http/rounding.ts";
import { type GpuCount, gpusFor } from "./formula.ts";
import type { MeasuredGpus } from "./gpus.ts";
import { type Reasons, reasonsOf } from "./reasons.ts";
import type { CapacityQuestion } from "./request.ts";
import { type Capacity, capacityOf, type Step } from "./steps.ts";

/** What is stored of a recommendation; its reasoning in every language there is. */
export interface RecommendationReport extends Readonly<Record<string, unknown>> {
  readonly recommendation: Readonly<Record<string, unknown>> & { readonly reasoning: Reasons };
  readonly current_infra: Readonly<Record<string, unknown>>;
  readonly slo_met: boolean;
  readonly consistent: boolean;
  readonly client_limited: boolean;
  readonly steps: readonly Readonly<Record<string, unknown>>[];
}

/** How many GPUs the workload needs, out of how much of it those that were measured can take. */
export function recommend(
  result: Pick<Result, "levels" | "findings">,
  question: CapacityQuestion,
  gpus: MeasuredGpus,
): RecommendationReport {
  const { workload, headroomPercent } = question;
  const capacity = capacityOf(result, workload.goodput_target_percent);
  const { best, saturated, shown, generatorLimits } = capacity;
  const clientLimited = generatorLimits.length > 0;
  const need =
    best === undefined || clientLimited
      ? undefined
      : gpusFor({
          peak: workload.peak_concurrency,
          maxAtSlo: best.inFlight,
          headroomPercent,
          gpuCount: gpus.count,
        });
  return {
    recommendation: {
      model_name: question.model,
      recommended_gpu: gpus.model,
      recommended_count: need?.gpus ?? null,
      tensor_parallelism: question.gpus.tensorParallelism ?? 1,
      ...estimates(best, need),
      headroom_percent: headroomPercent,
      calculation_formula: need?.formula ?? null,
      calculation: need?.computation ?? null,
      certainty: need === undefined ? null : certaintyOf(shown),
      reasoning: reasonsOf({ question, gpus, capacity, need }),
      ...costOf(need, question.gpus.hourlyUsd),
    },
    current_infra: {
      gpu_model: gpus.model,
      gpu_count: gpus.count,
      gpu_memory_gb: gpus.memoryGb ?? null,
      max_concurrency_at_slo: best?.inFlight ?? null,
      throughput_tokens_per_sec: figure(best?.throughput),
      goodput_at_max_concurrency: figure(best?.goodputPercent),
      saturation_concurrency: saturated?.concurrency ?? null,
      saturation_goodput: figure(saturated?.goodputPercent),
    },
    slo_met: best !== undefined,
    consistent: capacity.contradicting === undefined,
    client_limited: clientLimited,
    steps: capacity.steps.map(stepView),
  };
}

/** Each further replica takes as much again. */
function estimates(best: Step | undefined, need: GpuCount | undefined) {
  if (best === undefined || need === undefined) {
    return { estimated_max_concurrency: null, estimated_goodput: null, estimated_throughput: null };
  }
  return {
    estimated_max_concurrency: best.inFlight * need.replicas,
    estimated_goodput: figure(best.goodputPercent),
    estimated_throughput: best.throughput === undefined ? null : figure(best.throughput * need.replicas),
  };
}

/** As clouds bill: 730 hours are a month. */
const HOURS_PER_MONTH = 730;

function costOf(need: GpuCount | undefined, hourlyUsd: number | undefined) {
  if (need === undefined || hourlyUsd === undefined) return {};
  return { estimated_monthly_cost_usd: rounded(need.gpus * hourlyUsd * HOURS_PER_MONTH, 2) };
}

function stepView(step: Capacity["steps"][number]) {
  return {
    level: step.name,
    concurrency: step.concurrency,
    in_flight: step.inFlight,
    meets_slo: step.meets,
    certainty: certaintyOf(step.shown),
  };
}

function certaintyOf(shown: boolean): "shown" | "observed" {
  return shown ? "shown" : "observed";
}

function figure(value: number | undefined): number | null {
  return value === undefined ? null : rounded(value, 3);
}
