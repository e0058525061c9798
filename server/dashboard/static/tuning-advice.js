import { commandLine, copyable } from "./copyable.js";
import { h } from "./dom.js";
import { number, percent } from "./format.js";
import { table } from "./table.js";

/** @type {Record<string, readonly [sign: string, kind: string]>} */
const SEVERITIES = {
  CRITICAL: ["✕", "failed"],
  HIGH: ["▲", "failed"],
  MEDIUM: ["◆", "warned"],
  LOW: ["○", ""],
};

/** A sign, a word and a colour. @param {string} severity */
export function severityBadge(severity) {
  const [sign, kind] = SEVERITIES[severity] ?? ["?", ""];
  return h(
    "span",
    { class: `badge ${kind}` },
    h("span", { "aria-hidden": "true" }, sign),
    ` ${inWords(severity)}`,
  );
}

/** "MEMORY_PRESSURE" is memory pressure. @param {string} name */
export function inWords(name) {
  return name
    .replaceAll("_", " ")
    .toLowerCase()
    .replace(/\bkv\b/, "KV");
}

/** What the rules found, the gravest first. @param {readonly any[]} bottlenecks */
export function bottleneckTable(bottlenecks) {
  return table(
    "Bottlenecks",
    [
      { title: "Severity", cell: ({ severity }) => severityBadge(severity) },
      { title: "Bottleneck", cell: ({ type }) => inWords(type), heading: true },
      { title: "What was seen", wrap: true, cell: ({ description }) => description },
      { title: "Figure", cell: ({ metric_name: name }) => h("code", {}, name) },
      { title: "Value", value: (row) => row.current_value, mixed: true },
      { title: "Threshold", value: (row) => row.threshold_value, mixed: true },
      { title: "What may help", wrap: true, cell: ({ recommendation }) => recommendation },
    ],
    bottlenecks,
  );
}

/** What to set differently, the most pressing first. @param {readonly any[]} optimizations */
export function adviceList(optimizations) {
  return h("ol", { class: "tuning" }, ...optimizations.map((one) => h("li", {}, ...advice(one))));
}

/** @param {any} one */
function advice({
  type,
  priority,
  description,
  estimated_improvement: improvement = {},
  config_changes: changes = {},
  engine_args: args = [],
  risks = [],
  note,
  addresses = [],
  source,
}) {
  const gains = Object.entries(improvement);
  return [
    h("h3", {}, description),
    h(
      "p",
      { class: "hint" },
      severityBadge(priority),
      ` · ${inWords(type)}`,
      addresses.length > 0 && ` · against ${addresses.map(inWords).join(", ")}`,
    ),
    h(
      "p",
      {},
      gains.length === 0
        ? "What it gains only measuring can tell"
        : `Estimated: ${gains.map(([name, share]) => `${inWords(name)} ${percent(100 * Number(number(Number(share), 4)))}`).join(", ")}`,
      source && h("span", { class: "hint" }, ` (${source})`),
    ),
    h(
      "div",
      { class: "copyables" },
      copyable("Configuration", JSON.stringify(changes, null, 2)),
      args.length > 0
        ? copyable("Engine flags", commandLine(args))
        : h("p", { class: "hint" }, "This engine has no flag for it."),
    ),
    note && h("p", { class: "hint" }, note),
    risks.length > 0 && [
      h("p", {}, "Risks"),
      h("ul", {}, ...risks.map((/** @type {string} */ risk) => h("li", {}, risk))),
    ],
  ];
}
