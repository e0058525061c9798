import { ApiProblem, get } from "./api.js";
import { fill, h } from "./dom.js";
import { bytes, duration, moment, NOTHING, number, percent, tokensPerSecond } from "./format.js";
import { badge, verdict } from "./status.js";
import { facts } from "./table.js";

const REFRESH_MS = 5_000;

/** @param {import("./app.js").Page} page */
export async function modelView({ main, signal }) {
  const body = h("div");
  main.append(
    h("h1", {}, "Model"),
    h("p", { class: "lead" }, "What this server has loaded itself; targets of load tests are elsewhere."),
    body,
  );
  const load = async () => {
    const [health, metrics] = await Promise.all([healthOf(signal), get("/metrics?format=json", signal)]);
    if (signal.aborted) return;
    fill(body, ...sections(health, metrics));
  };
  await load();
  const timer = setInterval(() => load().catch(() => {}), REFRESH_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/** It has the same fields in sickness and in health. @param {AbortSignal} signal */
async function healthOf(signal) {
  try {
    return await get("/health", signal);
  } catch (error) {
    const body = error instanceof ApiProblem && /** @type {any} */ (error).body;
    if (body?.model_state === undefined) throw error;
    return body;
  }
}

/** @param {any} health @param {any} metrics */
function sections(health, metrics) {
  const memory = metrics.model_memory;
  return [
    h("div", { class: "title" }, h("h2", { class: "name" }, metrics.model ?? "No model"), stateOf(health)),
    health.model_error && h("p", { class: "problem" }, `✕ ${health.model_error}`),
    health.model_state === "none" &&
      h(
        "p",
        { class: "empty" },
        "This server was started without a model; load tests work all the same. Set ",
        h("code", {}, "MODEL"),
        " to load one.",
      ),
    h("h3", {}, "Speed"),
    facts([
      ["Mean of the last", tokensPerSecond(metrics.avg_tokens_per_second)],
      ["Target", tokensPerSecond(health.target_tokens_per_second)],
      health.performance_ok !== null && [
        "",
        verdict(health.performance_ok, "above the target", "below the target"),
      ],
      ["TTFT mean", seconds(metrics.avg_time_to_first_token_seconds)],
      ["Inferences", number(metrics.total_inferences, 0)],
      ["Last one", moment(metrics.last_inference)],
    ]),
    h("h3", {}, "Load"),
    facts([
      ["Running", number(metrics.requests_running, 0)],
      [
        "Waiting",
        `${number(metrics.requests_waiting, 0)}${metrics.queue_limit === null ? "" : ` of ${number(metrics.queue_limit, 0)}`}`,
      ],
      ["KV cache", metrics.kv_cache_usage === null ? NOTHING : percent(100 * metrics.kv_cache_usage)],
      ["Up for", duration(metrics.uptime_seconds)],
    ]),
    h("h3", {}, "Memory"),
    facts([
      ["", verdict(health.memory_sufficient, "enough memory", "memory is short")],
      ["This process", gigabytes(metrics.process_memory_used_gb)],
      ["System, used", gigabytes(metrics.system_memory_used_gb)],
      ["System, available", gigabytes(health.memory_available_gb)],
      memory && ["Model, RAM", bytes(memory.model_ram_bytes)],
      memory && ["Model, GPU", bytes(memory.model_gpu_bytes)],
      memory && ["Context, RAM", bytes(memory.context_ram_bytes)],
      memory && ["Context, GPU", bytes(memory.context_gpu_bytes)],
      memory && ["KV cache, per token", bytes(memory.kv_cache_bytes_per_token)],
    ]),
    h("h3", {}, "GPU"),
    metrics.gpu.available
      ? facts(
          metrics.gpu.devices.flatMap((/** @type {any} */ device) => [
            [device.name, `${gigabytes(device.memory_used_gb)} of ${gigabytes(device.memory_total_gb)}`],
            ["Utilization", percent(device.utilization_percent)],
          ]),
        )
      : h("p", { class: "hint" }, "There is none that can be used."),
  ];
}

/** @param {any} health */
function stateOf({ model_state: state, progress, phase }) {
  if (state === "ready") return badge("ready");
  if (state === "failed") return badge("failed");
  if (state === "loading")
    return h(
      "span",
      { class: "badge running" },
      `▶ ${phase ?? "loading"}${progress === null ? "" : ` ${percent(100 * progress)}`}`,
    );
  return h("span", { class: "badge" }, state);
}

/** @param {number | null} value */
function seconds(value) {
  return value === null ? NOTHING : `${number(1000 * value)} ms`;
}

/** @param {number | null} value */
function gigabytes(value) {
  return value === null ? NOTHING : `${number(value, 2)} GiB`;
}
