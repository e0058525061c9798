import { h } from "./dom.js";
import { percent } from "./format.js";
import { verdict } from "./status.js";
import { table } from "./table.js";

/** What was measured beside what the server counted itself. @param {any} validation */
export function validationSection(validation) {
  const { overall_passed: passed, reason, tolerance, comparisons, sources, warnings } = validation;
  return h(
    "section",
    {},
    h("h2", {}, "Against the server's own counters"),
    h(
      "p",
      {},
      verdict(passed, "client and server agree", "client and server differ", "nothing to compare with"),
      ` (tolerance ${percent(100 * tolerance)})`,
      reason && `: ${reason}`,
    ),
    comparisons.length > 0 &&
      table(
        "Client and server",
        [
          { title: "Figure", cell: (row) => `${row.metric_name}, ${row.unit}`, heading: true },
          { title: "Source", cell: (row) => row.source },
          { title: "Client", value: (row) => row.client_value },
          { title: "Server", value: (row) => row.server_value },
          { title: "Difference", unit: "%", value: (row) => row.difference_percent },
          { title: "", cell: (row) => verdict(row.passed, "agrees", "differs") },
        ],
        comparisons,
      ),
    h(
      "p",
      { class: "hint" },
      `Metrics page: ${sources.prometheus}. Container's log: ${sources.container_logs}.`,
    ),
    ...warnings.map((/** @type {string} */ warning) => h("p", { class: "note" }, `! ${warning}`)),
  );
}
