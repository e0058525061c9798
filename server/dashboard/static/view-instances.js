import { agos } from "./ago.js";
import { get, post } from "./api.js";
import { h, route } from "./dom.js";
import { formOf } from "./form.js";
import { FIGURES } from "./readings.js";
import { redrawn } from "./redrawn.js";
import { refresh } from "./refresh.js";
import { table } from "./table.js";

const REFRESH_MS = 5_000;
const PAGE = 25;
/** Among so many one finds what one looks for. */
const FEW = 10;
/** Readings that are asked for at the same time. */
const AT_ONCE = 3;

/** @param {import("./app.js").Page} page */
export async function instancesView({ main, query, signal }) {
  const wanted = query.get("q") ?? "";
  const page = Math.max(1, Number.parseInt(query.get("page") ?? "1", 10) || 1);
  const ago = await agos(signal);
  const { polling_interval: every } = await get("/api/v1/config", signal);
  const registration = h(
    "details",
    { class: "registration" },
    h("summary", {}, "Watch an instance"),
    register(),
  );
  const list = redrawn((/** @type {any} */ { instances, rows, readings }) => {
    if (instances === 0) return none();
    if (rows === 0) return noMatch();
    return [instanceTable(readings, ago), pager({ page, total: rows, wanted })];
  });
  main.append(
    h("h1", {}, "Instances"),
    h(
      "p",
      { class: "lead" },
      "Inference servers that run elsewhere, by their own metrics",
      every > 0 ? `, read every ${every} s.` : "; they are read only when somebody asks.",
    ),
    registration,
    list.element,
  );

  /** The last reading of each, by its time. @type {Map<string, { at: string, reading: any }>} */
  const known = new Map();
  let first = true;
  const load = async () => {
    const { instances } = await get("/api/v1/instances", signal);
    if (signal.aborted) return false;
    if (first && (wanted !== "" || instances.length > FEW)) list.element.before(search(wanted));
    if (first) registration.open = instances.length === 0;
    first = false;
    const rows = instances
      .filter((/** @type {any} */ { instance_id: id }) => id.toLowerCase().includes(wanted.toLowerCase()))
      .toSorted((/** @type {any} */ a, /** @type {any} */ b) =>
        a.instance_id.localeCompare(b.instance_id, "en", { numeric: true }),
      );
    const shown = rows.slice((page - 1) * PAGE, page * PAGE);
    const show = () =>
      list.show({
        instances: instances.length,
        rows: rows.length,
        readings: shown.map((/** @type {any} */ one) => ({
          ...one,
          reading: known.get(one.instance_id)?.reading,
        })),
      });
    if (list.element.childElementCount === 0) show();
    await readings(shown, known, signal);
    if (!signal.aborted) show();
    return true;
  };
  await load();
  list.element.before(refresh(load, REFRESH_MS, signal));
}

/**
 * The list tells when each was read; what was read stands in its history.
 * @param {readonly any[]} instances
 * @param {Map<string, { at: string, reading: any }>} known
 * @param {AbortSignal} signal
 */
async function readings(instances, known, signal) {
  const missing = instances.filter(
    ({ instance_id: id, last_collected_at: at }) => at !== null && known.get(id)?.at !== at,
  );
  const next = async () => {
    for (let one = missing.shift(); one !== undefined && !signal.aborted; one = missing.shift()) {
      const { instance_id: id, last_collected_at: at } = one;
      const { snapshots } = await get(`/api/v1/instances/${encodeURIComponent(id)}/history?limit=1`, signal);
      known.set(id, { at, reading: snapshots[0] });
    }
  };
  // A figure less is no reason to show no list.
  await Promise.allSettled(Array.from({ length: AT_ONCE }, next));
}

/**
 * @param {readonly any[]} rows
 * @param {(iso: string | null) => import("./dom.js").Child} ago
 */
function instanceTable(rows, ago) {
  const figure = (/** @type {keyof typeof FIGURES} */ key) => {
    const { title, unit, of } = /** @type {import("./readings.js").Figure} */ (FIGURES[key]);
    return {
      title,
      unit,
      value: (/** @type {any} */ { reading }) => (reading === undefined ? undefined : of(reading)),
    };
  };
  return table(
    "Instances that are watched",
    [
      {
        title: "Instance",
        heading: true,
        cell: ({ instance_id: id }) =>
          h("a", { id: `open-${id}`, class: "name", href: route("instance", id), title: id }, id),
      },
      {
        title: "Last attempt",
        cell: ({ error }) =>
          error
            ? [h("span", { class: "badge failed" }, "✕ failed"), " ", ago(error.at)]
            : h("span", { class: "badge completed" }, "✓ succeeded"),
      },
      { title: "Type", cell: ({ instance_type: type }) => type },
      { title: "Last read", cell: ({ last_collected_at: at }) => ago(at) },
      figure("running"),
      figure("waiting"),
      figure("cache"),
      figure("ttft"),
      figure("throughput"),
      ...(rows.some(({ error }) => error)
        ? [{ title: "Why it failed", wrap: true, cell: (/** @type {any} */ { error }) => error?.message }]
        : []),
    ],
    rows,
  );
}

function none() {
  return h(
    "div",
    { class: "empty" },
    h("p", {}, "No instance is watched yet."),
    h(
      "p",
      {},
      "Give the address of a vLLM, TGI or SGLang metrics page above, or send it to ",
      h("code", {}, "POST /api/v1/metrics/collect"),
      ".",
    ),
  );
}

function noMatch() {
  return h(
    "p",
    { class: "empty" },
    "No instance is like that. ",
    h("a", { href: "#/instances" }, "Show all instances"),
  );
}

/** @param {string} wanted */
function search(wanted) {
  const input = h("input", {
    id: "instance-search",
    type: "search",
    value: wanted,
    placeholder: "part of its id",
    autocomplete: "off",
  });
  const form = h(
    "form",
    { class: "filters", role: "search" },
    h("div", { class: "field" }, h("label", { for: "instance-search" }, "Find an instance"), input),
    h("button", { type: "submit" }, "Find"),
  );
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    location.hash = address({ wanted: input.value.trim(), page: 1 });
  });
  return form;
}

/** @param {{ page: number, total: number, wanted: string }} now */
function pager({ page, total, wanted }) {
  if (total <= PAGE) return undefined;
  const link = (/** @type {string} */ text, /** @type {number} */ to, /** @type {boolean} */ there) =>
    there
      ? h("a", { class: "button", href: address({ wanted, page: to }) }, text)
      : h("span", { class: "button off", "aria-disabled": "true" }, text);
  const from = (page - 1) * PAGE + 1;
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    link("← Previous", page - 1, page > 1),
    h(
      "span",
      {},
      from > total ? `none of ${total}` : `${from} to ${Math.min(total, page * PAGE)} of ${total}`,
    ),
    link("Next →", page + 1, page * PAGE < total),
  );
}

/** @param {{ wanted: string, page: number }} now */
function address({ wanted, page }) {
  const search = new URLSearchParams({
    ...(wanted && { q: wanted }),
    ...(page > 1 && { page: String(page) }),
  });
  return `#/instances${search.size > 0 ? `?${search}` : ""}`;
}

function register() {
  return formOf({
    groups: [
      {
        title: "What is watched",
        fields: [
          {
            name: "instance_id",
            label: "Instance",
            kind: "text",
            required: true,
            hint: "Whatever you call it.",
          },
          { name: "instance_type", label: "Type", kind: "choice", choices: ["vllm", "tgi", "sglang"] },
          {
            name: "metrics_url",
            label: "Metrics page",
            kind: "text",
            required: true,
            wide: true,
            hint: "http://host:port/metrics. The first reading takes a second longer: a rate needs two.",
          },
        ],
      },
    ],
    submit: "Read and watch it",
    async send(body) {
      const { instance_id: id } = await post("/api/v1/metrics/collect", body);
      location.hash = route("instance", id);
    },
  });
}
