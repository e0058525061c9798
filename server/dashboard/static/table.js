import { h } from "./dom.js";
import { decimalsFor, NOTHING, number } from "./format.js";

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} title
 * @property {string} [unit]
 * @property {string} [group] stands once above neighbours that share it, with their unit
 * @property {(row: Row) => number | null | undefined} [value] a number, aligned with those above and below it
 * @property {(row: Row) => import("./dom.js").Child} [cell] anything else
 * @property {boolean} [heading] names the row
 * @property {boolean} [wrap] is prose
 * @property {boolean} [mixed] has figures of several units, each with decimals of its own
 */

/**
 * @template Row
 * @param {string} caption
 * @param {readonly Column<Row>[]} columns
 * @param {readonly Row[]} rows
 */
export function table(caption, columns, rows) {
  const decimals = columns.map(({ value, mixed }) =>
    value === undefined || mixed ? undefined : decimalsFor(rows.map(value)),
  );
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", {}, caption),
      head(columns),
      h(
        "tbody",
        {},
        ...rows.map((row) => h("tr", {}, ...columns.map((column, i) => cellOf(column, row, decimals[i])))),
      ),
    ),
  );
}

/**
 * @template Row
 * @param {Column<Row>} column
 * @param {Row} row
 * @param {number | undefined} decimals
 */
function cellOf({ value, cell, heading, wrap }, row, decimals) {
  const figure = value?.(row);
  const isMissing = value !== undefined && (figure === null || figure === undefined);
  return h(
    heading ? "th" : "td",
    {
      class: value ? "number" : wrap && "wrap",
      scope: heading && "row",
      title: isMissing && "not measured",
    },
    isMissing ? NOTHING : value ? number(figure, decimals) : cell?.(row),
  );
}

/**
 * One line, or two where columns belong together.
 * @param {readonly Column<any>[]} columns
 */
function head(columns) {
  const grouped = columns.some(({ group }) => group !== undefined);
  const above = columns.flatMap(({ group, title, unit, value }, i) => {
    if (group === undefined)
      return [heading(title, unit, value && "number", { rowspan: grouped ? 2 : undefined })];
    if (columns[i - 1]?.group === group) return [];
    const width = columns.filter((column) => column.group === group).length;
    return [heading(group, unit, "group", { colspan: width, scope: "colgroup" })];
  });
  const below = columns
    .filter(({ group }) => group !== undefined)
    .map(({ title }) => heading(title, undefined, "number"));
  return h("thead", {}, h("tr", {}, ...above), below.length > 0 && h("tr", {}, ...below));
}

/**
 * @param {string} title
 * @param {string | undefined} unit
 * @param {string | false | undefined} kind
 * @param {Record<string, unknown>} [more]
 */
function heading(title, unit, kind, more = {}) {
  return h(
    "th",
    { scope: "col", class: kind, ...more },
    title,
    unit && h("span", { class: "unit" }, ` ${unit}`),
  );
}

/**
 * Names and what they stand for.
 * @param {readonly (readonly [string, import("./dom.js").Child] | false | undefined)[]} pairs
 */
export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    ...pairs.flatMap((pair) => (pair ? [h("div", {}, h("dt", {}, pair[0]), h("dd", {}, pair[1]))] : [])),
  );
}
