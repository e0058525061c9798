import { h } from "./dom.js";
import { duration, moment, percent } from "./format.js";

/** In their order, with what each is for. */
const STAGES = [
  ["ANALYSIS", "Analysis", "The instance's metrics are looked at."],
  ["RECOMMENDATION", "Recommendation", "What to set differently is worked out."],
  ["APPROVAL", "Approval", "Somebody decides."],
  ["CANARY", "Canary", "A load test before, then the change."],
  ["VALIDATION", "Validation", "The same load test after, and the judgement."],
  ["ROLLOUT", "Rollout", "A change that is good goes everywhere."],
  ["COMPLETION", "Completion", "What came of it is summed up."],
];

/** @type {Record<string, readonly [sign: string, word: string, kind: string]>} */
const STATES = {
  IN_PROGRESS: ["▶", "in progress", "running"],
  COMPLETED: ["✓", "completed", "completed"],
  FAILED: ["✕", "failed", "failed"],
  SKIPPED: ["»", "skipped", ""],
};
const NOT_BEGUN = ["○", "not begun", ""];
const WAITING = ["◌", "waiting", "warned"];

/**
 * All stages, those too that have not begun, so that one sees what is still to come.
 * @param {readonly any[]} begun
 * @param {boolean} settled what has not begun then never will
 */
export function stageList(begun, settled) {
  return h(
    "ol",
    { class: "stages" },
    ...STAGES.map(([name = "", title, about]) => {
      const stage = begun.find((one) => one.name === name);
      const [sign, word, kind] = stateOf(stage, settled);
      return h(
        "li",
        { class: kind, "aria-current": stage?.status === "IN_PROGRESS" && "step" },
        h("span", { class: `sign badge ${kind}`, "aria-hidden": "true" }, sign),
        h("div", {}, h("strong", {}, title), " ", h("span", { class: `badge ${kind}` }, word)),
        h("div", { class: "hint when" }, timeOf(stage)),
        h("p", { class: stage?.message ? "message" : "message hint" }, stage?.message ?? about),
        stage?.status === "IN_PROGRESS" && progressOf(stage),
      );
    }),
  );
}

/** @param {any} stage @param {boolean} settled @returns {readonly string[]} */
function stateOf(stage, settled) {
  if (stage === undefined) return settled ? ["○", "not reached", ""] : NOT_BEGUN;
  if (stage.name === "APPROVAL" && stage.status === "IN_PROGRESS") return WAITING;
  return STATES[stage.status] ?? ["?", String(stage.status), ""];
}

/** @param {any} stage */
function timeOf(stage) {
  if (stage === undefined || stage.status === "SKIPPED") return "";
  const { started_at: from, completed_at: to } = stage;
  return to
    ? `${moment(from)}, ${duration((Date.parse(to) - Date.parse(from)) / 1000)}`
    : `since ${moment(from)}`;
}

/** @param {any} stage */
function progressOf({ name, progress }) {
  // Nobody knows how long people take.
  if (name === "APPROVAL" || typeof progress !== "number") return undefined;
  return h(
    "div",
    { class: "bar" },
    h("progress", { max: 1, value: progress, "aria-label": `Progress of ${name.toLowerCase()}` }),
    h("span", { class: "share" }, percent(Math.floor(100 * progress))),
  );
}
