import { get } from "./api.js";
import { fill, h, route } from "./dom.js";
import { moment, NOTHING } from "./format.js";
import { chosenRuns } from "./selection.js";
import { badge, isOver, kindName, STATUSES } from "./status.js";
import { summaries } from "./summaries.js";
import { table } from "./table.js";

const PAGE = 20;
const REFRESH_MS = 3_000;

/** @param {import("./app.js").Page} page */
export async function runsView({ main, query, signal }) {
  const status = query.get("status") ?? "";
  const model = query.get("model") ?? "";
  const offset = Math.max(0, Number.parseInt(query.get("offset") ?? "0", 10) || 0);
  const address = (/** @type {Record<string, string | number>} */ changes) => {
    const all = Object.entries({ status, model, offset, ...changes });
    const search = new URLSearchParams(
      all.flatMap(([name, value]) => (value ? [[name, String(value)]] : [])),
    );
    return `#/runs${search.size > 0 ? `?${search}` : ""}`;
  };
  const list = h("div", { "aria-live": "off" });
  main.append(
    h(
      "div",
      { class: "title" },
      h("h1", {}, "Runs"),
      h("a", { class: "button primary", href: "#/new" }, "New run"),
    ),
    filters({ status, model }, (changes) => {
      location.hash = address({ ...changes, offset: 0 });
    }),
    list,
  );

  const search = new URLSearchParams({ limit: String(PAGE), offset: String(offset) });
  if (status) search.set("status", status);
  if (model) search.set("model", model);
  let seen = "";
  /** A list that changes below the pointer is a nuisance: it is drawn again only when it says something else. */
  const load = async () => {
    const page = await get(`/api/v1/benchmark/history?${search}`, signal);
    if (signal.aborted) return;
    const text = JSON.stringify(page);
    if (text !== seen) {
      draw(page);
      // What they measured comes after.
      summaries(page.runs, signal, () => draw(page));
    }
    seen = text;
    if (page.runs.some((/** @type {any} */ run) => !isOver(run.status))) again();
  };
  const again = () => {
    const timer = setTimeout(() => load().catch(() => signal.aborted || again()), REFRESH_MS);
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  };

  const draw = (/** @type {any} */ { runs, total }) => {
    const focused = document.activeElement?.id;
    if (total === 0) fill(list, empty(status !== "" || model !== ""));
    else fill(list, runsTable(runs), pager({ offset, total, shown: runs.length, address }));
    if (focused) document.getElementById(focused)?.focus();
  };

  await load();
}

/** @param {boolean} filtered */
function empty(filtered) {
  return filtered
    ? h("p", { class: "empty" }, "No run is like that. ", h("a", { href: "#/runs" }, "Show all runs"))
    : h(
        "div",
        { class: "empty" },
        h("p", {}, "There are no runs yet."),
        h(
          "p",
          {},
          h("a", { href: "#/new" }, "Start the first one"),
          ", or send one to ",
          h("code", {}, "POST /api/v1/benchmark/run"),
          ".",
        ),
      );
}

/**
 * @param {{ status: string, model: string }} now
 * @param {(changes: Record<string, string>) => void} go
 */
function filters({ status, model }, go) {
  const form = h(
    "form",
    { class: "filters", role: "search" },
    h(
      "div",
      { class: "field" },
      h("label", { for: "filter-status" }, "Status"),
      h(
        "select",
        { id: "filter-status", onchange: (/** @type {any} */ event) => go({ status: event.target.value }) },
        h("option", { value: "" }, "all"),
        ...STATUSES.map((name) => h("option", { value: name, selected: name === status }, name)),
      ),
    ),
    h(
      "div",
      { class: "field" },
      h("label", { for: "filter-model" }, "Model"),
      h("input", {
        id: "filter-model",
        type: "search",
        value: model,
        placeholder: "exact name",
        autocomplete: "off",
      }),
    ),
    h("button", { type: "submit" }, "Filter"),
  );
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    go({ model: form.querySelector("#filter-model").value.trim() });
  });
  return form;
}

/** @param {readonly any[]} runs */
export function runsTable(runs) {
  const bar = h("div", { class: "actions" });
  const choose = () => {
    const chosen = chosenRuns.all();
    fill(
      bar,
      h(
        "button",
        {
          type: "button",
          disabled: chosen.length < 2,
          onclick: () => {
            location.hash = route("compare", ...chosen);
          },
        },
        chosen.length < 2 ? "Compare: choose two to five" : `Compare ${chosen.length} runs`,
      ),
      chosen.length > 0 &&
        h(
          "button",
          {
            type: "button",
            onclick: () => {
              chosenRuns.clear();
              for (const box of rows.querySelectorAll("input")) box.checked = false;
              choose();
            },
          },
          "Choose none",
        ),
    );
    for (const box of rows.querySelectorAll("input"))
      box.disabled = box.dataset.over !== "true" || (chosen.length >= 5 && !box.checked);
  };
  const rows = table(
    "Runs, the newest first",
    [
      {
        title: "",
        cell: (run) =>
          h("input", {
            type: "checkbox",
            id: `choose-${run.run_id}`,
            "data-over": String(isOver(run.status)),
            "aria-label": `Choose the run of ${run.model}, ${moment(run.created_at)}, for comparing`,
            checked: chosenRuns.has(run.run_id),
            onchange: (/** @type {any} */ event) => {
              chosenRuns.set(run.run_id, event.target.checked);
              choose();
            },
          }),
      },
      {
        title: "Asked for",
        heading: true,
        cell: (run) =>
          h("a", { id: `open-${run.run_id}`, href: route("run", run.run_id) }, moment(run.created_at)),
      },
      {
        title: "Status",
        cell: (run) => [badge(run.status), run.progress && ` ${Math.floor(run.progress.overall_percent)} %`],
      },
      { title: "Model", cell: (run) => h("span", { class: "name", title: run.model }, run.model) },
      { title: "Kind", cell: (run) => kindName(run.kind) },
      { title: "Levels", cell: (run) => levelsOf(run) },
      { title: "Best throughput", unit: "tok/s", value: (run) => run.summary?.best_throughput },
      { title: "Best TTFT p50", unit: "ms", value: (run) => run.summary?.best_ttft_p50 },
    ],
    runs,
  );
  choose();
  return h("div", {}, rows, bar);
}

/** @param {any} run */
function levelsOf({ config = {} }) {
  const levels = config.concurrency ?? config.test_config?.concurrency_steps ?? config.concurrency_steps;
  if (Array.isArray(levels)) return levels.join(", ");
  return config.user === undefined ? NOTHING : `${config.user} users`;
}

/** @param {{ offset: number, total: number, shown: number, address: (changes: Record<string, number>) => string }} page */
function pager({ offset, total, shown, address }) {
  const link = (/** @type {string} */ text, /** @type {number} */ to, /** @type {boolean} */ there) =>
    there
      ? h("a", { class: "button", href: address({ offset: to }) }, text)
      : h("span", { class: "button off", "aria-disabled": "true" }, text);
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    link("← Newer", Math.max(0, offset - PAGE), offset > 0),
    h(
      "span",
      {},
      shown === 0
        ? `none of ${total}`
        : `${offset + 1} to ${offset + shown} of ${total.toLocaleString("en-US")}`,
    ),
    link("Older →", offset + PAGE, offset + shown < total),
  );
}
