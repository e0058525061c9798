import type { GpuCount } from "./formula.ts";
import type { MeasuredGpus } from "./gpus.ts";
import type { CapacityQuestion } from "./request.ts";
import type { Capacity } from "./steps.ts";

export const LANGUAGES = ["ko", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

export type Reasons = Readonly<Record<Language, string>>;

interface Told {
  readonly question: CapacityQuestion;
  readonly gpus: MeasuredGpus;
  readonly capacity: Capacity;
  /** Undefined when nothing is recommended. */
  readonly need: GpuCount | undefined;
}

/** Why so many, or why no number at all, in sentences. */
export function reasonsOf(told: Told): Reasons {
  return { ko: korean(told).join(" "), en: english(told).join(" ") };
}

function english({ question, gpus, capacity, need }: Told): string[] {
  const { workload, headroomPercent, requestsPerStep } = question;
  const { best, saturated, contradicting, steps, generatorLimits } = capacity;
  const slo = `TTFT < ${workload.ttft_target_ms} ms and TPOT < ${workload.tpot_target_ms} ms for at least ${workload.goodput_target_percent} % of requests`;
  const now = `${gpus.count} × ${gpus.model === "unknown" ? "GPU (of unknown model)" : gpus.model}`;
  const limits = generatorLimits.map(({ code, at }) => (at === undefined ? code : `${code} at ${at}`));
  if (limits.length > 0) {
    const atLeast =
      best === undefined
        ? "What it can take is not known."
        : `It can take at least ${best.inFlight} concurrent requests.`;
    return [
      `The load generator, not the server, was the limit (${limits.join(", ")}), so that no number of GPUs is recommended: now ${now}.`,
      atLeast,
      "Run the test from a larger machine, or one of its own.",
    ];
  }
  const inconsistent =
    contradicting === undefined || saturated === undefined
      ? []
      : [
          `But ${contradicting.concurrency} kept it where ${saturated.concurrency} did not, so that something else disturbed the measurement: run it again.`,
        ];
  if (best === undefined || need === undefined) {
    const [lowest] = steps;
    const seen =
      lowest?.goodputPercent === undefined
        ? "No request ended that could be judged."
        : `${percent(lowest.goodputPercent)} % of ${lowest.samples} requests kept the targets at ${lowest.concurrency}.`;
    return [
      `Now ${now} does not keep the objective (${slo}) at the lowest step, so that more of the same would not help and no number is recommended.`,
      seen,
      ...inconsistent,
      "Use a faster GPU or a smaller model, or ask for less.",
    ];
  }
  return [
    `Now ${now} can take up to ${best.inFlight} concurrent requests within the objective (${slo}); ${workload.peak_concurrency} at the peak with ${headroomPercent} % headroom need ${need.gpus}.`,
    ...(capacity.shown
      ? []
      : [
          `That the objective was kept is what was seen (${percent(best.goodputPercent ?? 0)} % of ${best.samples} requests at the highest step), and not shown at 95 % confidence: raise num_requests_per_step.`,
        ]),
    ...(best.inFlight < best.concurrency
      ? [`With ${requestsPerStep} requests per step no more were ever in flight.`]
      : []),
    ...inconsistent,
    ...(saturated === undefined ? ["No step was too much, so that the capacity may be higher."] : []),
  ];
}

function korean({ question, gpus, capacity, need }: Told): string[] {
  const { workload, headroomPercent, requestsPerStep } = question;
  const { best, saturated, contradicting, steps, generatorLimits } = capacity;
  const slo = `요청의 ${workload.goodput_target_percent}% 이상이 TTFT < ${workload.ttft_target_ms}ms, TPOT < ${workload.tpot_target_ms}ms`;
  const now = `현재 ${gpus.model === "unknown" ? "GPU(모델 미상)" : gpus.model} ${gpus.count}장`;
  const limits = generatorLimits.map(({ code, at }) => (at === undefined ? code : `${code}, ${at}`));
  if (limits.length > 0) {
    const atLeast =
      best === undefined
        ? "서버의 한계는 알 수 없습니다."
        : `서버는 최소 ${best.inFlight}명을 동시에 처리할 수 있습니다.`;
    return [
      `${now}의 한계가 아니라 부하 생성기의 한계가 측정되어(${limits.join("; ")}) GPU 수를 추천하지 않습니다.`,
      atLeast,
      "더 큰 장비나 별도의 장비에서 다시 측정하세요.",
    ];
  }
  const inconsistent =
    contradicting === undefined || saturated === undefined
      ? []
      : [
          `다만 ${saturated.concurrency}명에서 지키지 못한 목표를 ${contradicting.concurrency}명에서는 지켰으므로 측정이 다른 요인에 방해받았습니다. 다시 측정하세요.`,
        ];
  if (best === undefined || need === undefined) {
    const [lowest] = steps;
    const seen =
      lowest?.goodputPercent === undefined
        ? "판단할 수 있는 요청이 없었습니다."
        : `동시 ${lowest.concurrency}명에서 요청 ${lowest.samples}개 중 ${percent(lowest.goodputPercent)}%만 목표를 지켰습니다.`;
    return [
      `${now}은 가장 낮은 단계에서도 목표(${slo})를 지키지 못해, 같은 GPU를 늘려도 해결되지 않으므로 수를 추천하지 않습니다.`,
      seen,
      ...inconsistent,
      "더 빠른 GPU나 더 작은 모델을 쓰거나 목표를 낮추세요.",
    ];
  }
  return [
    `${now}으로 최대 ${best.inFlight}명 동시 처리 가능(목표: ${slo}). 피크 ${workload.peak_concurrency}명에 여유 ${headroomPercent}%를 더하면 ${need.gpus}장이 필요합니다.`,
    ...(capacity.shown
      ? []
      : [
          `목표 달성은 관측된 값(가장 높은 단계의 요청 ${best.samples}개 중 ${percent(best.goodputPercent ?? 0)}%)이며 95% 신뢰수준에서 확인된 것은 아닙니다. num_requests_per_step을 늘리세요.`,
        ]),
    ...(best.inFlight < best.concurrency
      ? [`단계마다 요청이 ${requestsPerStep}개뿐이어서 그보다 많은 동시 요청은 없었습니다.`]
      : []),
    ...inconsistent,
    ...(saturated === undefined
      ? ["가장 높은 단계에서도 목표를 지켰으므로 실제 한계는 더 높을 수 있습니다."]
      : []),
  ];
}

function percent(value: number): string {
  return String(Number(value.toFixed(1)));
}
