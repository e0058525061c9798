import { h } from "./dom.js";
import { verdict } from "./status.js";

/**
 * Whether the figures may be believed; it stands before the figures.
 * @param {{ valid?: boolean, findings?: readonly any[] }} result
 */
export function trust({ valid, findings = [] }) {
  if (valid === undefined) return undefined;
  const kinds = Map.groupBy(findings, ({ level, code }) => `${level} ${code}`);
  const ordered = [...kinds.values()].toSorted((a, b) => rank(a) - rank(b));
  return h(
    "section",
    { class: "trust" },
    h("p", {}, verdict(valid, "valid measurement", "not a valid measurement")),
    ordered.length > 0 && h("ul", { class: "findings" }, ...ordered.map(finding)),
  );
}

/** @param {readonly any[]} same */
function rank([{ level }]) {
  return level === "invalid" ? 0 : 1;
}

/** Said once, with all levels at which it happened. @param {readonly any[]} same */
function finding(same) {
  const [{ level, matters, advice }] = same;
  const sign = level === "invalid" ? "✕" : "!";
  return h(
    "li",
    { class: `finding-${level}` },
    ...same.map(({ at, happened }) =>
      h("div", {}, h("strong", {}, `${sign} ${at ? `${at}: ` : ""}`), happened),
    ),
    h("div", { class: "advice" }, `${matters} ${advice}`),
  );
}
