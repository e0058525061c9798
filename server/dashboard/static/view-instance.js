import { agos } from "./ago.js";
import { get, post } from "./api.js";
import { h } from "./dom.js";
import { ms, number, percent, tokensPerSecond } from "./format.js";
import { instanceActions } from "./instance-actions.js";
import { FIGURES } from "./readings.js";
import { redrawn } from "./redrawn.js";
import { refresh } from "./refresh.js";
import { facts } from "./table.js";
import { trends } from "./trends.js";
import { adviceList, bottleneckTable } from "./tuning-advice.js";

const REFRESH_MS = 5_000;
/** As many as the API gives at once. */
const MOST_READINGS = 500;
/** A page that was open all the time misses none of these. */
const LAST_READINGS = 5;

/** @param {import("./app.js").Page} page */
export async function instanceView({ main, path, signal }) {
  const [id = ""] = path;
  const history = (/** @type {number} */ limit) =>
    get(`/api/v1/instances/${encodeURIComponent(id)}/history?limit=${limit}`, signal);
  let instance = await history(MOST_READINGS);
  const ago = await agos(signal);
  if (signal.aborted) return;
  document.title = `${id} · Goodput`;
  let readings = instance.snapshots;

  const head = redrawn((/** @type {any} */ { now, last }) => [
    heading(now, last),
    failure(now, ago),
    last && figures(last, now, ago),
  ]);
  const plots = trends(signal);
  const advice = redrawn((/** @type {any} */ found) => advised(found, () => advise()));
  const advise = async () => advice.show(await analysed(instance, readings.at(-1)));
  main.append(
    h("p", { class: "crumb" }, h("a", { href: "#/instances" }, "← Instances")),
    head.element,
    ...instanceActions(instance),
    h("h2", {}, "Trends"),
    plots.element,
    advice.element,
  );
  const show = () => {
    const { snapshots, ...now } = instance;
    head.show({ now, last: readings.at(-1) });
    plots.update(readings);
  };
  show();
  await advise();
  if (signal.aborted) return;
  const note = refresh(
    async () => {
      const next = await history(LAST_READINGS);
      if (signal.aborted) return false;
      const newest = readings.at(-1)?.timestamp ?? "";
      const news = next.snapshots.filter((/** @type {any} */ { timestamp }) => timestamp > newest);
      // Under another address it starts anew.
      const sameOne = next.registered_at === instance.registered_at;
      instance = sameOne ? next : await history(MOST_READINGS);
      readings = sameOne ? [...readings, ...news].slice(-MOST_READINGS) : instance.snapshots;
      show();
      // Who did not want to give a key is not asked for it again and again.
      if ((news.length > 0 || !sameOne) && !advice.element.querySelector("[role=alert]")) await advise();
      return true;
    },
    REFRESH_MS,
    signal,
  );
  head.element.before(note);
}

/** @param {any} instance @param {any} last */
function heading({ instance_id: id, instance_type: type, metrics_url: url, error }, last) {
  const engine = last?.engine;
  return h(
    "div",
    { class: "title" },
    h("h1", { class: "name" }, id),
    error
      ? h("span", { class: "badge failed" }, "✕ the last reading failed")
      : h("span", { class: "badge completed" }, "✓ read"),
    h(
      "p",
      { class: "lead" },
      engine === undefined || engine === type ? type : `${type}, with a page of ${engine}'s`,
      " · ",
      h("span", { class: "name" }, url),
    ),
  );
}

/** @param {any} instance @param {(iso: string) => import("./dom.js").Child} ago */
function failure({ error, last_collected_at: at }, ago) {
  if (!error) return undefined;
  return h(
    "p",
    { class: "problem" },
    "✕ ",
    ago(error.at),
    `: ${error.message}`,
    at ? " What follows is from the reading before." : "",
  );
}

/** @param {any} last @param {any} instance @param {(iso: string) => import("./dom.js").Child} ago */
function figures(last, { last_collected_at: at }, ago) {
  const { gpu_metrics: gpu, averaged_over: over = {}, warnings = [] } = last;
  const hits = gpu.cache_hit_rate;
  const of = (/** @type {string} */ key) =>
    /** @type {import("./readings.js").Figure} */ (FIGURES[key]).of(last);
  return [
    facts([
      ["Running", number(of("running"), 0)],
      ["Waiting", number(of("waiting"), 0)],
      ["KV cache", percent(of("cache"))],
      ["Prefix cache hits", percent(hits === null ? hits : 100 * hits)],
      ["TTFT, mean", ms(of("ttft"))],
      ["TPOT, mean", ms(of("tpot"))],
      ["E2E, mean", ms(of("e2e"))],
      ["Throughput", tokensPerSecond(of("throughput"))],
      ["Read", ago(at)],
    ]),
    Object.values(over).includes("lifetime") &&
      h(
        "p",
        { class: "hint" },
        "No request ended since the reading before: means are of all since the engine started.",
      ),
    ...warnings.map((/** @type {string} */ text) => h("p", { class: "note" }, `! ${text}`)),
  ];
}

/**
 * @param {any} instance
 * @param {any} reading
 */
async function analysed({ instance_id: id, instance_type: type }, reading) {
  if (reading === undefined) return {};
  const { request_metrics, gpu_metrics, throughput_metrics } = reading;
  try {
    const { bottlenecks } = await post("/api/v1/analysis/detect-bottlenecks", {
      instance_id: id,
      metrics: { request_metrics, gpu_metrics, throughput_metrics },
    });
    if (bottlenecks.length === 0) return { bottlenecks, optimizations: [] };
    const { optimizations } = await post("/api/v1/optimization/recommend", {
      instance_id: id,
      instance_type: type,
      bottlenecks,
    });
    // When it was looked is no news.
    return {
      bottlenecks: bottlenecks.map((/** @type {any} */ { detected_at: _, ...one }) => one),
      optimizations,
    };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** @param {any} found @param {() => void} again */
function advised({ bottlenecks, optimizations, problem }, again) {
  if (problem !== undefined) {
    return [
      h("h2", {}, "Bottlenecks"),
      h("p", { class: "problem", role: "alert" }, `✕ ${problem}`),
      h("div", { class: "actions" }, h("button", { type: "button", onclick: again }, "Look again")),
    ];
  }
  if (bottlenecks === undefined) return h("p", { class: "empty" }, "Nothing was read of it yet.");
  return [
    h("h2", {}, "Bottlenecks, by the last reading"),
    bottlenecks.length === 0
      ? h("p", { class: "empty" }, "✓ None: every figure that is known is on the good side of its threshold.")
      : bottleneckTable(bottlenecks),
    bottlenecks.length > 0 && [
      h("h2", {}, "Tuning advice"),
      optimizations.length === 0
        ? h("p", { class: "empty" }, "The rules have no advice for this.")
        : [
            h(
              "p",
              { class: "hint" },
              "Given without knowing how the instance is configured; what it has already may be among this.",
            ),
            adviceList(optimizations),
          ],
    ],
  ];
}
