import { get, post } from "./api.js";
import { h, route } from "./dom.js";
import { moment, NOTHING, number } from "./format.js";
import { plot } from "./plot.js";
import { table } from "./table.js";
import { runsTable } from "./view-runs.js";

/** @param {import("./app.js").Page} page */
export async function compareView({ main, path, signal }) {
  main.append(h("h1", {}, "Compare"));
  if (path.length === 0) return choice(main, signal);
  const waiting = h(
    "p",
    { class: "hint", role: "status" },
    "◌ Comparing; with many requests this takes some seconds.",
  );
  main.append(waiting);
  const answer = await post("/api/v1/benchmark/compare", { run_ids: path }).finally(() => waiting.remove());
  if (signal.aborted) return;
  const { runs, by_concurrency: byLevel, comparison, best_throughput: fastest, best_ttft: quickest } = answer;
  const letters = new Map(
    runs.map((/** @type {any} */ run, /** @type {number} */ i) => [run.run_id, LETTERS[i]]),
  );
  const letter = (/** @type {string} */ id) => String(letters.get(id) ?? "?");
  main.append(
    h("p", { class: "crumb" }, h("a", { href: "#/compare" }, "← Choose other runs")),
    runsOf(runs, letter, { fastest, quickest }),
    ...against(comparison, letter),
    h("h2", {}, "Level by level"),
    levels(byLevel, runs, letter),
    plots(byLevel, runs, letter, signal),
  );
}

const LETTERS = ["A", "B", "C", "D", "E"];

/** @param {HTMLElement} main @param {AbortSignal} signal */
async function choice(main, signal) {
  const { runs } = await get("/api/v1/benchmark/history?limit=50", signal);
  if (signal.aborted) return;
  main.append(
    h(
      "p",
      { class: "lead" },
      "Choose two to five runs that are over; the first one chosen is what the others are held against.",
    ),
    runs.length === 0
      ? h("p", { class: "empty" }, "There are no runs yet. ", h("a", { href: "#/new" }, "Start one"))
      : runsTable(runs),
  );
}

/** @param {readonly any[]} runs @param {(id: string) => string} letter @param {any} best */
function runsOf(runs, letter, { fastest, quickest }) {
  return table(
    "Runs",
    [
      { title: "", cell: ({ run_id: id }) => h("strong", { class: "letter" }, letter(id)), heading: true },
      { title: "Model", cell: (run) => h("a", { class: "name", href: route("run", run.run_id) }, run.model) },
      { title: "Server", cell: (run) => h("span", { class: "name" }, run.server_url) },
      { title: "Started", cell: (run) => moment(run.started_at) },
      { title: "Best throughput", unit: "tok/s", value: (run) => run.summary?.best_throughput },
      { title: "Best TTFT p50", unit: "ms", value: (run) => run.summary?.best_ttft_p50 },
      {
        title: "Best of all",
        wrap: true,
        cell: ({ run_id: id }) =>
          [fastest?.run_id === id && "most throughput", quickest?.run_id === id && "least TTFT"]
            .filter(Boolean)
            .join(", "),
      },
    ],
    runs,
  );
}

/** What is better or worse as far as that is certain. @param {any} comparison @param {(id: string) => string} letter */
function against({ base_run_id: base, confidence, against_base: others }, letter) {
  const intervals =
    typeof confidence === "number" ? ` Intervals at ${number(100 * confidence, 0)} % confidence.` : "";
  return others.flatMap((/** @type {any} */ { run_id: id, incomparable, levels }) => {
    const title = h("h2", {}, `${letter(id)} against ${letter(base)}`);
    if (incomparable !== undefined) return [title, h("p", { class: "note" }, `! ${incomparable}`)];
    const rows = levels.flatMap((/** @type {any} */ { level, changes }) =>
      changes.map((/** @type {any} */ change) => ({ level, ...change })),
    );
    if (rows.length === 0) return [title, h("p", { class: "empty" }, "They have no level in common.")];
    const sure = rows.filter((/** @type {any} */ { change }) => change !== "unclear");
    const count = (/** @type {string} */ word) =>
      rows.filter((/** @type {any} */ row) => row.change === word).length;
    const names = `${letter(id)} against ${letter(base)}`;
    return [
      title,
      h(
        "p",
        {},
        wordOf("better"),
        ` ${count("better")} · `,
        wordOf("worse"),
        ` ${count("worse")} · `,
        wordOf("unclear"),
        ` ${count("unclear")} `,
        h("span", { class: "hint" }, `“Unclear” is what chance alone may explain.${intervals}`),
      ),
      sure.length === 0
        ? h("p", { class: "empty" }, "Nothing is shown to have changed.")
        : changes(`What changed, ${names}`, sure, letter(base), letter(id)),
      h(
        "details",
        {},
        h("summary", {}, `All ${rows.length} figures`),
        changes(`All figures, ${names}`, rows, letter(base), letter(id)),
      ),
    ];
  });
}

/** @param {string} caption @param {readonly any[]} rows @param {string} base @param {string} head */
function changes(caption, rows, base, head) {
  return table(
    caption,
    [
      { title: "Level", cell: (row) => row.level, heading: true },
      { title: "Figure", cell: (row) => nameOf(row.metric) },
      { title: base, value: (row) => shown(row, row.base), mixed: true },
      { title: head, value: (row) => shown(row, row.head), mixed: true },
      { title: "Unit", cell: ({ unit }) => UNITS[unit] ?? unit },
      { title: "Change", cell: changeOf },
      { title: "Interval", cell: intervalOf },
      { title: "", cell: (row) => wordOf(row.change) },
    ],
    rows,
  );
}

/** @type {Record<string, string>} */
const UNITS = { ratio: "%", "1/s": "req/s" };

/** Shares are told in per cent. @param {any} row @param {number} value */
function shown({ unit }, value) {
  return unit === "ratio" ? 100 * value : value;
}

/** "ttft_p50" is TTFT p50. @param {string} metric */
function nameOf(metric) {
  return metric.replaceAll("_", " ").replace(/^(ttft|tpot|itl|e2e)\b/, (name) => name.toUpperCase());
}

/** @param {any} row */
function changeOf({ base, head, ratio }) {
  return h("span", { class: "figure" }, ratio === undefined ? points(head - base) : share(ratio));
}

/** @param {any} row */
function intervalOf({ interval, ratio }) {
  if (interval === undefined) return NOTHING;
  const [low, high] = interval.map((/** @type {number | null} */ bound) =>
    bound === null ? "?" : ratio === undefined ? points(bound) : share(bound),
  );
  return h("span", { class: "figure" }, `${low} … ${high}`);
}

/** @param {number} ratio */
function share(ratio) {
  return `${signed(100 * (ratio - 1))} %`;
}

/** @param {number} difference */
function points(difference) {
  return `${signed(100 * difference)} points`;
}

/** @param {number} value */
function signed(value) {
  return `${value < 0 ? "−" : "+"}${number(Math.abs(value), 1)}`;
}

/** @param {string} change */
function wordOf(change) {
  const [sign, kind] = { better: ["▲", "completed"], worse: ["▼", "failed"] }[change] ?? ["~", ""];
  return h("span", { class: `badge ${kind}` }, `${sign} ${change}`);
}

const FIGURES = /** @type {const} */ ([
  ["throughput", "Throughput", "tok/s"],
  ["ttft_p50", "TTFT p50", "ms"],
  ["ttft_p95", "TTFT p95", "ms"],
  ["tpot_p50", "TPOT p50", "ms"],
  ["e2e_p95", "E2E p95", "ms"],
  ["error_rate_percent", "Errors", "%"],
  ["goodput_percent", "Goodput", "%"],
]);

/** @param {any} byLevel @param {readonly any[]} runs @param {(id: string) => string} letter */
function levels(byLevel, runs, letter) {
  const rows = Object.entries(byLevel).flatMap(([level, figures]) =>
    runs.flatMap(({ run_id: id }) => (figures[id] ? [{ level, id, ...figures[id] }] : [])),
  );
  return table(
    "Figures by level and run",
    [
      { title: "Level", cell: ({ level }) => level, heading: true },
      { title: "Run", cell: ({ id }) => h("strong", { class: "letter" }, letter(id)) },
      ...FIGURES.map(([key, title, unit]) => ({ title, unit, value: (/** @type {any} */ row) => row[key] })),
    ],
    rows,
  );
}

/** @param {any} byLevel @param {readonly any[]} runs @param {(id: string) => string} letter @param {AbortSignal} signal */
function plots(byLevel, runs, letter, signal) {
  const x = Object.keys(byLevel)
    .map(Number)
    .filter(Number.isFinite)
    .toSorted((a, b) => a - b);
  if (x.length === 0) return undefined;
  return h(
    "div",
    { class: "plots" },
    ...FIGURES.filter(([key]) => ["throughput", "ttft_p95", "tpot_p50", "e2e_p95"].includes(key)).map(
      ([key, title, unit]) =>
        plot(
          {
            title,
            xLabel: "concurrency",
            yLabel: unit,
            x,
            xScale: "log",
            series: runs.map(({ run_id: id, model }) => ({
              label: `${letter(id)} ${model}`,
              values: x.map((level) => byLevel[level]?.[id]?.[key]),
            })),
          },
          signal,
        ).element,
    ),
  );
}
