import { h } from "./dom.js";

const SIGNS = { ready: "✓", pending: "◌", running: "▶", completed: "✓", failed: "✕", cancelled: "■" };
export const STATUSES = ["pending", "running", "completed", "failed", "cancelled"];

/** A sign, a word and a colour, each of which would do. @param {string} status */
export function badge(status) {
  const sign = SIGNS[/** @type {keyof typeof SIGNS} */ (status)] ?? "?";
  return h(
    "span",
    { class: `badge ${sign === "?" ? "" : status}` },
    h("span", { "aria-hidden": "true" }, sign),
    ` ${status}`,
  );
}

/** @param {boolean | null | undefined} good @param {string} yes @param {string} no @param {string} [unknown] */
export function verdict(good, yes, no, unknown = "not known") {
  if (good === null || good === undefined) return h("span", { class: "badge" }, `? ${unknown}`);
  return h("span", { class: `badge ${good ? "completed" : "failed"}` }, good ? `✓ ${yes}` : `✕ ${no}`);
}

/** @param {string} kind */
export function kindName(kind) {
  return { load_test: "load test", virtual_users: "virtual users", recommendation: "capacity" }[kind] ?? kind;
}

/** @param {string} status */
export function isOver(status) {
  return status !== "pending" && status !== "running";
}
