import { analysis } from "./analysis.js";
import { get, getWithStatus, post, remove } from "./api.js";
import { fill, h } from "./dom.js";
import { duration, moment, ms, number, percent, tokensPerSecond } from "./format.js";
import { failures, levelPlots, levelTable } from "./levels.js";
import { liveRun } from "./live-run.js";
import { recommendation } from "./recommendation.js";
import { chosenRuns } from "./selection.js";
import { badge, isOver, kindName } from "./status.js";
import { facts } from "./table.js";
import { trust } from "./trust.js";
import { validationSection } from "./validation.js";

/** @param {import("./app.js").Page} page */
export async function runView({ main, path, signal }) {
  const [id = ""] = path;
  const run = await get(`/api/v1/benchmark/run/${encodeURIComponent(id)}`, signal);
  if (signal.aborted) return;
  document.title = `${run.model} · Goodput`;
  const body = h("div");
  main.append(h("p", { class: "crumb" }, h("a", { href: "#/runs" }, "← Runs")), body);
  if (isOver(run.status)) await showResult(run, body, signal);
  else showProgress(run, body, signal);
}

/**
 * @param {any} run
 * @param {HTMLElement} body
 * @param {AbortSignal} signal
 */
function showProgress(run, body, signal) {
  const problem = h("div", { role: "alert" });
  const stop = h(
    "button",
    {
      type: "button",
      onclick: async () => {
        stop.disabled = true;
        await post(`/api/v1/benchmark/run/${encodeURIComponent(run.run_id)}/stop`).catch((error) => {
          stop.disabled = false;
          fill(problem, h("p", { class: "problem" }, `✕ ${error.message}`));
        });
      },
    },
    "Stop; keep what was measured",
  );
  const title = heading(run);
  const ended = async () => {
    try {
      const now = await get(`/api/v1/benchmark/run/${encodeURIComponent(run.run_id)}`, signal);
      await showResult(now, body, signal);
    } catch (error) {
      if (signal.aborted) return;
      fill(problem, h("p", { class: "problem" }, `✕ ${/** @type {Error} */ (error).message}`));
    }
  };
  const status = (/** @type {string} */ now) => title.querySelector(".badge")?.replaceWith(badge(now));
  const live = liveRun(run, signal, { status, ended });
  fill(body, title, warningsOf(run.run_id), live, h("div", { class: "actions" }, stop), problem, asked(run));
}

/**
 * @param {any} run
 * @param {HTMLElement} body
 * @param {AbortSignal} signal
 */
async function showResult(run, body, signal) {
  const { body: result } = await getWithStatus(
    `/api/v1/benchmark/result/${encodeURIComponent(run.run_id)}`,
    signal,
  );
  if (signal.aborted) return;
  const { summary = {}, results = [], error } = result;
  fill(
    body,
    heading(result),
    warningsOf(run.run_id),
    error && h("p", { class: "problem" }, `✕ ${error.message} `, h("code", {}, error.code)),
    facts([
      ["Best throughput", tokensPerSecond(summary.best_throughput)],
      ["at concurrency", number(summary.best_concurrency, 0)],
      ["Best TTFT p50", ms(summary.best_ttft_p50)],
      ["Requests", number(summary.total_requests, 0)],
      ["Errors", percent(summary.overall_error_rate)],
      summary.avg_goodput_percent !== undefined && ["Goodput", percent(summary.avg_goodput_percent)],
      ["Took", duration(result.duration_seconds)],
    ]),
    actions(result),
    trust(result),
    run.kind === "recommendation" && run.status === "completed" && (await recommendation(run.run_id, signal)),
    results.length === 0
      ? h("p", { class: "empty" }, "Nothing was measured.")
      : [h("h2", {}, "Levels"), levelTable(results), levelPlots(results, signal)],
    failures(results),
    result.validation && validationSection(result.validation),
    infra(result),
    results.length > 0 && analysis(run.run_id, signal),
    asked(result),
  );
}

/** @param {any} run */
function heading(run) {
  return h(
    "div",
    { class: "title" },
    h("h1", { class: "name" }, run.model),
    badge(run.status),
    h(
      "p",
      { class: "lead" },
      `${kindName(run.kind)} of `,
      h("span", { class: "name" }, run.server_url),
      ` · ${run.adapter} · ${moment(run.started_at ?? run.created_at)}`,
    ),
  );
}

/** @param {any} run */
function actions(run) {
  const path = `/api/v1/benchmark/result/${encodeURIComponent(run.run_id)}`;
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const sure = h("dialog", { "aria-label": "Delete this run" });
  fill(
    sure,
    h(
      "form",
      { method: "dialog" },
      h("h2", {}, "Delete this run?"),
      h("p", {}, "All it measured goes with it."),
      h(
        "div",
        { class: "actions" },
        h(
          "button",
          {
            class: "danger",
            onclick: async () => {
              try {
                await remove(`/api/v1/benchmark/run/${encodeURIComponent(run.run_id)}`);
                chosenRuns.set(run.run_id, false);
                location.hash = "#/runs";
              } catch (error) {
                problem.hidden = false;
                problem.textContent = `✕ ${/** @type {Error} */ (error).message}`;
              }
            },
          },
          "Delete it",
        ),
        h("button", {}, "Keep it"),
      ),
    ),
  );
  const compare = h(
    "button",
    {
      type: "button",
      onclick: () => {
        if (!chosenRuns.has(run.run_id) && chosenRuns.all().length < 5) chosenRuns.set(run.run_id, true);
        location.hash = "#/compare";
      },
    },
    "Compare with…",
  );
  return [
    h(
      "div",
      { class: "actions" },
      h("a", { class: "button", href: `${path}/export?format=csv`, download: true }, "CSV"),
      h("a", { class: "button", href: `${path}/export?format=xlsx`, download: true }, "XLSX"),
      h("a", { class: "button", href: path }, "JSON"),
      compare,
      run.kind === "load_test" &&
        h("a", { class: "button", href: `#/new?from=${encodeURIComponent(run.run_id)}` }, "Run it again"),
      h("button", { type: "button", class: "danger", onclick: () => sure.showModal() }, "Delete…"),
      h("a", { class: "quiet", href: "/docs" }, "API documentation"),
    ),
    problem,
    sure,
  ];
}

/** @param {any} result */
function infra({ server_infra: server, gpu_metrics: gpu }) {
  if (server === undefined && gpu === undefined) return undefined;
  return h(
    "section",
    {},
    h("h2", {}, "The server, by its own metrics"),
    facts([
      server && ["Engine", server.engine],
      server && ["Replicas", number(server.replicas, 0)],
      server && ["KV cache, at most", percent(server.cache_usage_perc_max)],
      server && ["Running, at most", number(server.requests_running_max, 0)],
      server && ["Waiting, at most", number(server.requests_waiting_max, 0)],
      gpu && ["GPU memory, at most", `${number(gpu.memory_used_gb_max)} GiB`],
    ]),
  );
}

/** @param {any} run */
function asked(run) {
  return h(
    "details",
    {},
    h("summary", {}, "What was asked for"),
    facts([
      ["Run", h("code", {}, run.run_id)],
      ["Asked for", moment(run.created_at)],
      ["Started", moment(run.started_at)],
      ["Ended", moment(run.completed_at)],
    ]),
    h("pre", {}, JSON.stringify(run.config, null, 2)),
  );
}

/** @param {string} id */
function warningsOf(id) {
  const warnings = JSON.parse(sessionStorage.getItem(`goodput.warnings.${id}`) ?? "[]");
  return warnings.map((/** @type {string} */ warning) => h("p", { class: "note" }, `! ${warning}`));
}
