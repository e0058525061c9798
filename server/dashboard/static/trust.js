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
    h("p", {}, headline(valid, findings)),
    ordered.length > 0 && h("ul", { class: "findings" }, ...ordered.map(finding)),
  );
}

/** Findings of what moved figures: a measurement is not called valid above one of them. */
const DOUBTFUL = [
  "generator_late",
  "event_loop_blocked",
  "client_cpu_saturated",
  "chunks_together",
  "prompt_cache_hits",
];

/** @param {boolean} valid @param {readonly any[]} findings */
function headline(valid, findings) {
  const doubtful = findings.filter(({ code }) => DOUBTFUL.includes(code));
  const touched = [...new Set(doubtful.flatMap(({ touches = [] }) => touches))];
  return verdict(
    valid && touched.length > 0 ? undefined : valid,
    "valid measurement",
    "not a valid measurement",
    `not to be taken at face value: ${touched.join(", ")}`,
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
