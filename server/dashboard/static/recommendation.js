import { get } from "./api.js";
import { h } from "./dom.js";
import { ms, number, percent, tokensPerSecond } from "./format.js";
import { levelName } from "./levels.js";
import { verdict } from "./status.js";
import { facts, table } from "./table.js";

/**
 * How many GPUs it takes, how that was reckoned, and from what.
 * @param {string} runId
 * @param {AbortSignal} signal
 */
export async function recommendation(runId, signal) {
  const language = navigator.language.startsWith("ko") ? "ko" : "en";
  const answer = await get(
    `/api/v1/benchmark/recommend/${encodeURIComponent(runId)}/result?language=${language}`,
    signal,
  );
  const { recommendation: found, current_infra: now, workload, test_results: steps } = answer;
  return h(
    "section",
    { class: "recommendation" },
    h("h2", {}, "Capacity"),
    answer.client_limited === true &&
      h(
        "p",
        { class: "note" },
        "! The generator was the limit, not the server: use a larger machine for it.",
      ),
    found && recommended(found, answer.slo_met),
    now && measured(now),
    workload && askedFor(workload),
    steps?.some((/** @type {any} */ step) => step.meets_slo !== undefined) && kept(steps),
  );
}

/** @param {any} found @param {boolean | null} met */
function recommended(found, met) {
  const {
    recommended_count: count,
    recommended_gpu: gpu,
    tensor_parallelism: parallel,
    estimated_monthly_cost_usd: cost,
  } = found;
  return [
    count === null
      ? h("p", { class: "answer" }, "Nothing can be recommended.")
      : h(
          "p",
          { class: "answer" },
          h("strong", {}, number(count, 0)),
          ` × ${gpu === "unknown" ? "the GPU that was measured" : gpu}`,
          parallel > 1 && `, tensor parallelism ${parallel}`,
        ),
    found.calculation_formula && h("p", { class: "formula" }, h("code", {}, found.calculation_formula)),
    found.calculation &&
      found.calculation !== found.calculation_formula &&
      h("p", { class: "formula" }, h("code", {}, found.calculation)),
    h("p", { class: "reasoning" }, found.reasoning),
    h("p", {}, verdict(met, "a level keeps the objectives", "no level keeps the objectives")),
    count !== null &&
      facts([
        ["Concurrency they take", number(found.estimated_max_concurrency, 0)],
        ["Throughput", tokensPerSecond(found.estimated_throughput)],
        ["Goodput", percent(found.estimated_goodput)],
        ["Headroom", percent(found.headroom_percent)],
        cost !== undefined && ["Cost", `${number(cost, 0)} USD a month`],
      ]),
  ];
}

/** @param {any} now */
function measured(now) {
  return [
    h("h3", {}, "Measured now"),
    facts([
      ["GPU", `${now.gpu_count} × ${now.gpu_model}`],
      ["Most concurrency that keeps the objectives", number(now.max_concurrency_at_slo, 0)],
      ["Throughput there", tokensPerSecond(now.throughput_tokens_per_sec)],
      ["Goodput there", percent(now.goodput_at_max_concurrency)],
      ["Least that does not", number(now.saturation_concurrency, 0)],
      ["Goodput there", percent(now.saturation_goodput)],
    ]),
  ];
}

/** @param {any} workload */
function askedFor(workload) {
  return [
    h("h3", {}, "Asked for"),
    facts([
      ["Peak concurrency", number(workload.peak_concurrency, 0)],
      ["TTFT below", ms(workload.ttft_target_ms)],
      ["TPOT below", ms(workload.tpot_target_ms)],
      ["Good requests, at least", percent(workload.goodput_target_percent)],
    ]),
  ];
}

/** @param {readonly any[]} steps */
function kept(steps) {
  return table(
    "Which levels keep the objectives",
    [
      { title: "Level", cell: levelName, heading: true },
      { title: "Goodput", unit: "%", value: ({ goodput }) => goodput?.goodput_percent },
      { title: "Objectives", cell: ({ meets_slo: meets }) => verdict(meets, "kept", "not kept") },
      {
        title: "Certainty",
        cell: ({ certainty }) =>
          certainty === "observed" ? "observed; too few requests to show it" : certainty,
      },
    ],
    steps,
  );
}
