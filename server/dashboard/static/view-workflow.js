import { get } from "./api.js";
import { h, route } from "./dom.js";
import { moment, percent } from "./format.js";
import { redrawn } from "./redrawn.js";
import { refresh } from "./refresh.js";
import { facts } from "./table.js";
import { adviceList, bottleneckTable, inWords } from "./tuning-advice.js";
import { changeSection, changeState } from "./workflow-change.js";
import { decision } from "./workflow-decision.js";
import { stageList } from "./workflow-stages.js";
import { isSettled, workflowBadge } from "./workflow-status.js";

const REFRESH_MS = 2_000;

/** @param {import("./app.js").Page} page */
export async function workflowView({ main, path, signal }) {
  const [id = ""] = path;
  const parts = [
    part(heading, [
      "status",
      "workflow_type",
      "instance_id",
      "instance_type",
      "created_at",
      "progress",
      "current_stage",
    ]),
    part(outcome, ["status", "mode", "error", "change", "approval", "rejection"]),
    part(
      (workflow) => workflow.status === "PENDING_APPROVAL" && decision(workflow, load),
      ["status", "workflow_id", "mode"],
    ),
    part(
      ({ stages, ...workflow }) => [h("h2", {}, "Stages"), stageList(stages, isSettled(workflow))],
      ["stages", "status"],
    ),
    part(judgement, ["judgement", "before_run_id", "after_run_id"]),
    part(analysis, ["analysis"]),
    part(optimizations, ["optimizations", "analysis"]),
    part(
      ({ change, workflow_type: type }) =>
        type !== "analysis" && [h("h2", {}, "Configuration"), changeSection(change)],
      ["change", "workflow_type"],
    ),
    part(
      ({ workflow_id: name, updated_at: at }) =>
        h("p", { class: "hint" }, h("code", {}, name), ` · changed ${moment(at)}`),
      ["workflow_id", "updated_at"],
    ),
  ];
  async function load() {
    const workflow = await get(`/api/v1/workflows/${encodeURIComponent(id)}`, signal);
    if (signal.aborted) return false;
    document.title = `Workflow of ${workflow.instance_id} · Goodput`;
    for (const { show } of parts) show(workflow);
    return !isSettled(workflow);
  }
  const more = await load();
  if (signal.aborted) return;
  main.append(
    h("p", { class: "crumb" }, h("a", { href: "#/workflows" }, "← Workflows")),
    ...parts.map(({ element }) => element),
  );
  if (more) main.firstElementChild?.after(refresh(load, REFRESH_MS, signal));
}

/**
 * Drawn again when one of these fields changed.
 * @param {(workflow: any) => import("./dom.js").Child} draw
 * @param {readonly string[]} fields
 */
function part(draw, fields) {
  const drawn = redrawn(draw);
  return {
    element: drawn.element,
    show: (/** @type {any} */ workflow) =>
      drawn.show(Object.fromEntries(fields.map((field) => [field, workflow[field]]))),
  };
}

/** @param {any} workflow */
function heading({
  status,
  workflow_type: kind,
  instance_id: id,
  instance_type: type,
  created_at: at,
  progress,
  current_stage: stage,
}) {
  return [
    h(
      "div",
      { class: "title" },
      h("h1", { class: "name" }, `${kind === "analysis" ? "Analysis" : "Optimization"} of ${id}`),
      workflowBadge(status),
      h(
        "p",
        { class: "lead" },
        h("a", { href: route("instance", id) }, "The instance"),
        `, ${type} · begun ${moment(at)}`,
      ),
    ),
    (status === "IN_PROGRESS" || status === "APPROVED") &&
      h(
        "div",
        { class: "bar" },
        h("progress", { max: 1, value: progress, "aria-label": "Progress of the workflow" }),
        h("span", { class: "share" }, `${percent(Math.floor(100 * progress))} · ${inWords(stage ?? "")}`),
      ),
  ];
}

/** What came of it so far, the worst first. @param {any} workflow */
function outcome({ status, mode, error, change, approval, rejection }) {
  return [
    error && h("p", { class: "problem" }, `✕ ${error.message} `, h("code", {}, error.code)),
    mode === "advisory" &&
      h(
        "p",
        { class: "note" },
        "! Advisory: this server does not change the instance and measures nothing of it. What is told below is for people to set, and nothing shows yet what it gains.",
      ),
    mode !== "advisory" && (change.state !== "not_applied" || error) && changeState(change),
    approval &&
      facts([
        [
          "Approved by",
          h(
            "span",
            { class: "name" },
            approval.approved_by === "auto_approve"
              ? "nobody: approved at once, as asked for"
              : approval.approved_by,
          ),
        ],
        ["At", moment(approval.approved_at)],
      ]),
    rejection &&
      facts([
        ["Rejected by", h("span", { class: "name" }, rejection.rejected_by)],
        ["At", moment(rejection.rejected_at)],
        ["Reason", h("span", { class: "name" }, rejection.reason ?? "none was given")],
      ]),
    status === "REJECTED" && h("p", {}, "Nothing was changed on the instance."),
  ];
}

/** @type {Record<string, readonly [sign: string, word: string, kind: string]>} */
const OUTCOMES = {
  better: ["▲", "better", "completed"],
  no_regression: ["✓", "no regression", "completed"],
  regressed: ["▼", "worse", "failed"],
  not_measured: ["?", "not measured", "warned"],
};

/** @param {any} workflow */
function judgement({ judgement: judged, before_run_id: before, after_run_id: after }) {
  if (!judged && !before) return undefined;
  const [sign, word, kind] = OUTCOMES[judged?.outcome] ?? ["◌", "not judged yet", ""];
  return [
    h("h2", {}, "Before and after"),
    h("p", {}, h("span", { class: `badge ${kind}` }, h("span", { "aria-hidden": "true" }, sign), ` ${word}`)),
    judged &&
      judged.reasons.length > 0 &&
      h("ul", { class: "reasons" }, ...judged.reasons.map((/** @type {string} */ text) => h("li", {}, text))),
    h(
      "div",
      { class: "actions" },
      before && h("a", { class: "button", href: route("run", before) }, "Load test before"),
      after && h("a", { class: "button", href: route("run", after) }, "Load test after"),
      before &&
        after &&
        judged &&
        h("a", { class: "button", href: route("compare", before, after) }, "Compare the two"),
    ),
  ];
}

/** @param {any} workflow */
function analysis({ analysis: { source, reason, bottlenecks } }) {
  return [
    h("h2", {}, "Bottlenecks"),
    source === "none"
      ? h("p", { class: "note" }, `! There were no metrics to look at${reason ? `: ${reason}` : "."}`)
      : bottlenecks.length === 0
        ? h("p", { class: "empty" }, "✓ None was found.")
        : bottleneckTable(bottlenecks),
  ];
}

/** @param {any} workflow */
function optimizations({ optimizations: advice, analysis: { source } }) {
  if (advice.length === 0 && source === "none") return undefined;
  return [
    h("h2", {}, "Tuning advice"),
    advice.length === 0 ? h("p", { class: "empty" }, "There is nothing to advise.") : adviceList(advice),
  ];
}
