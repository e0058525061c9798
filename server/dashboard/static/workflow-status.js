import { h } from "./dom.js";
import { inWords } from "./tuning-advice.js";

/** A sign, and a colour, beside the word that each status is. @type {Record<string, readonly [string, string]>} */
const SIGNS = {
  PENDING_APPROVAL: ["◌", "warned"],
  APPROVED: ["✓", "running"],
  REJECTED: ["■", ""],
  IN_PROGRESS: ["▶", "running"],
  COMPLETED: ["✓", "completed"],
  FAILED: ["✕", "failed"],
  ROLLED_BACK: ["↺", "warned"],
};
export const WORKFLOW_STATUSES = Object.keys(SIGNS);

/** @param {string} status */
export function workflowBadge(status) {
  const [sign, kind] = SIGNS[status] ?? ["?", ""];
  return h(
    "span",
    { class: `badge ${kind}` },
    h("span", { "aria-hidden": "true" }, sign),
    ` ${inWords(status)}`,
  );
}

/** Whether nothing more will happen to it by itself or by anybody. @param {any} workflow */
export function isSettled({ status, change }) {
  // A failure in the middle of a change is followed by its rollback.
  if (status === "FAILED") return !["applying", "rolling_back"].includes(change?.state);
  return ["REJECTED", "COMPLETED", "ROLLED_BACK"].includes(status);
}
