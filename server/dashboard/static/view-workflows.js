import { get } from "./api.js";
import { h, route } from "./dom.js";
import { moment } from "./format.js";
import { redrawn } from "./redrawn.js";
import { refresh } from "./refresh.js";
import { table } from "./table.js";
import { inWords } from "./tuning-advice.js";
import { isSettled, WORKFLOW_STATUSES, workflowBadge } from "./workflow-status.js";

const REFRESH_MS = 3_000;
const PAGE = 50;
/** The API gives no more at once. */
const MOST = 500;
/** "wf-" and as much of the UUID as tells one from another. */
const SHORT = 11;

/** @param {import("./app.js").Page} page */
export async function workflowsView({ main, query, signal }) {
  const now = {
    status: query.get("status") ?? "",
    instance_id: query.get("instance_id") ?? "",
    limit: Math.min(MOST, Math.max(PAGE, Number.parseInt(query.get("limit") ?? "", 10) || PAGE)),
  };
  const go = (/** @type {Partial<typeof now>} */ changes) => {
    location.hash = address({ ...now, limit: PAGE, ...changes });
  };
  const filtered = now.status !== "" || now.instance_id !== "";
  const list = redrawn((/** @type {any[]} */ workflows) =>
    workflows.length === 0
      ? empty(filtered)
      : [
          workflowTable(workflows),
          workflows.length === now.limit && now.limit < MOST && more({ ...now, limit: now.limit + PAGE }),
        ],
  );
  main.append(
    h("h1", {}, "Workflows"),
    h(
      "p",
      { class: "lead" },
      "From an instance's metrics to a change of its configuration that was approved, measured before and after, and undone where it made things worse.",
    ),
    filters(now, go),
    list.element,
  );
  const search = new URLSearchParams({
    limit: String(now.limit),
    ...(now.status && { status: now.status }),
    ...(now.instance_id && { instance_id: now.instance_id }),
  });
  const load = async () => {
    const workflows = await get(`/api/v1/workflows?${search}`, signal);
    if (!signal.aborted) list.show(workflows);
    return workflows.some((/** @type {any} */ workflow) => !isSettled(workflow));
  };
  if (await load()) list.element.before(refresh(load, REFRESH_MS, signal));
}

/** @param {readonly any[]} workflows */
function workflowTable(workflows) {
  return table(
    "Workflows, the newest first",
    [
      {
        title: "Begun",
        heading: true,
        cell: ({ workflow_id: id, created_at: at }) =>
          h("a", { id: `open-${id}`, href: route("workflow", id) }, moment(at)),
      },
      { title: "Status", cell: ({ status }) => workflowBadge(status) },
      { title: "Kind", cell: ({ workflow_type: kind }) => kind },
      { title: "", cell: ({ mode }) => (mode === "advisory" ? "advisory" : undefined) },
      {
        title: "Instance",
        cell: ({ instance_id: id }) => h("a", { class: "name", href: route("instance", id), title: id }, id),
      },
      {
        title: "Workflow",
        cell: ({ workflow_id: id }) =>
          h("code", { title: id }, id.length > SHORT ? `${id.slice(0, SHORT)}…` : id),
      },
    ],
    workflows,
  );
}

/** @param {boolean} filtered */
function empty(filtered) {
  return filtered
    ? h(
        "p",
        { class: "empty" },
        "No workflow is like that. ",
        h("a", { href: "#/workflows" }, "Show all workflows"),
      )
    : h(
        "div",
        { class: "empty" },
        h("p", {}, "There are no workflows yet."),
        h(
          "p",
          {},
          "Start one from the page of an ",
          h("a", { href: "#/instances" }, "instance"),
          ", or send one to ",
          h("code", {}, "POST /api/v1/workflows"),
          ".",
        ),
      );
}

/** @param {{ status: string, instance_id: string, limit: number }} now */
function more(now) {
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    h("a", { class: "button", href: address(now) }, "Show more"),
  );
}

/** @param {{ status: string, instance_id: string, limit: number }} now */
function address({ status, instance_id: id, limit }) {
  const search = new URLSearchParams({
    ...(status && { status }),
    ...(id && { instance_id: id }),
    ...(limit > PAGE && { limit: String(limit) }),
  });
  return `#/workflows${search.size > 0 ? `?${search}` : ""}`;
}

/**
 * @param {{ status: string, instance_id: string }} now
 * @param {(changes: { status?: string, instance_id?: string }) => void} go
 */
function filters({ status, instance_id: id }, go) {
  const input = h("input", {
    id: "filter-instance",
    type: "search",
    value: id,
    placeholder: "exact id",
    autocomplete: "off",
  });
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
        ...WORKFLOW_STATUSES.map((name) =>
          h("option", { value: name, selected: name === status.toUpperCase() }, inWords(name)),
        ),
      ),
    ),
    h("div", { class: "field" }, h("label", { for: "filter-instance" }, "Instance"), input),
    h("button", { type: "submit" }, "Filter"),
  );
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    go({ instance_id: input.value.trim() });
  });
  return form;
}
