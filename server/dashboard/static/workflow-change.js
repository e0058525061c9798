import { commandLine, copyable } from "./copyable.js";
import { h } from "./dom.js";
import { table } from "./table.js";

/**
 * What is to be set, beside what was.
 * @param {any} change
 */
export function changeSection({
  config_changes: changes = {},
  engine_args: args = [],
  previous_config: previous,
}) {
  const names = Object.keys(changes);
  if (names.length === 0) return h("p", { class: "empty" }, "Nothing is to be set differently.");
  return h(
    "div",
    { class: "settings" },
    table(
      "Settings, as they were and as they are to be",
      [
        { title: "Setting", heading: true, cell: (name) => h("code", {}, name) },
        { title: "Previous", wrap: true, cell: (name) => previousOf(previous, name) },
        { title: "", cell: () => h("span", { "aria-label": "becomes" }, "→") },
        { title: "New", wrap: true, cell: (name) => h("code", {}, shown(changes[name])) },
      ],
      names,
    ),
    h(
      "div",
      { class: "copyables" },
      copyable("Configuration", JSON.stringify(changes, null, 2)),
      args.length > 0 && copyable("Engine flags", commandLine(args)),
    ),
    previous &&
      h(
        "details",
        {},
        h("summary", {}, "All of the previous configuration"),
        h("pre", {}, JSON.stringify(previous, null, 2)),
      ),
  );
}

/** @type {Record<string, (restored: boolean | null | undefined) => readonly [sign: string, kind: string, text: string]>} */
const STATES = {
  not_applied: () => ["○", "", "Nothing was changed on the instance."],
  applying: () => ["▶", "running", "The change is being put on the instance."],
  applied: () => ["✓", "completed", "The change is on the instance."],
  rolling_back: () => ["▶", "running", "The previous configuration is being put back."],
  rolled_back: (restored) =>
    restored === true
      ? ["✓", "completed", "The previous configuration is back: the instance tells the same as before."]
      : restored === false
        ? [
            "✕",
            "failed",
            "It was rolled back, but the instance does not tell the same configuration as before: look at it.",
          ]
        : [
            "?",
            "warned",
            "It was rolled back; whether the previous configuration is back, nobody could tell.",
          ],
  rollback_failed: () => [
    "✕",
    "failed",
    "The rollback failed: the change, or half of it, may still be on the instance. Put the previous configuration back by hand.",
  ],
};

/** How far the change has come. @param {any} change */
export function changeState({ state, restored }) {
  const [sign, kind, text] = STATES[state]?.(restored) ?? ["?", "", String(state)];
  return h(
    "p",
    {},
    h("span", { class: `badge ${kind}` }, h("span", { "aria-hidden": "true" }, sign), ` ${text}`),
  );
}

/** @param {Record<string, unknown> | null | undefined} previous @param {string} name */
function previousOf(previous, name) {
  if (!previous) return h("span", { class: "hint" }, "not known");
  if (!Object.hasOwn(previous, name)) return h("span", { class: "hint" }, "not set");
  return h("code", {}, shown(previous[name]));
}

/** @param {unknown} value */
function shown(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}
