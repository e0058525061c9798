import { h } from "./dom.js";

/**
 * Headings, lists, tables and paragraphs of Markdown, as elements that hold nothing but text: HTML, links and
 * pictures in it stay the characters they are.
 * @param {string} markdown
 * @returns {Element[]}
 */
export function prose(markdown) {
  /** @type {{ kind: string, lines: string[] }[]} */
  const blocks = [];
  for (const line of markdown.split("\n")) {
    const kind = kindOf(line);
    const last = blocks.at(-1);
    // Each heading is one of its own, as is what follows it.
    if (last?.kind === kind && kind !== "heading") last.lines.push(line);
    else blocks.push({ kind, lines: [line] });
  }
  return blocks.flatMap(({ kind, lines }) => (kind === "space" ? [] : [blockOf(kind, lines)]));
}

/** @param {string} line */
function kindOf(line) {
  if (line.trim() === "") return "space";
  if (/^#{1,6} /.test(line)) return "heading";
  if (/^\s*[-*] /.test(line)) return "list";
  if (/^\s*\|.*\|\s*$/.test(line)) return "table";
  return "text";
}

/** @param {string} kind @param {readonly string[]} lines */
function blockOf(kind, lines) {
  if (kind === "heading") return h("h3", {}, ...inline((lines[0] ?? "").replace(/^#+ +/, "")));
  if (kind === "list")
    return h("ul", {}, ...lines.map((line) => h("li", {}, ...inline(line.replace(/^\s*[-*] /, "")))));
  if (kind === "table") return tableOf(lines);
  return h("p", {}, ...lines.flatMap((line, i) => [i > 0 && h("br"), ...inline(line)]));
}

/** @param {readonly string[]} lines */
function tableOf(lines) {
  const [head = [], ...rows] = lines.filter((line) => !/^[\s|:-]+$/.test(line)).map(cellsOf);
  const isNumber = (/** @type {number} */ i) => rows.every((row) => /^([\d.,–-]+|)$/.test(row[i] ?? ""));
  const row = (/** @type {string} */ tag, /** @type {string[]} */ cells) =>
    h(
      "tr",
      {},
      ...cells.map((cell, i) => h(tag, { class: i > 0 && isNumber(i) && "number" }, ...inline(cell))),
    );
  return h(
    "div",
    { class: "scroll" },
    h("table", {}, h("thead", {}, row("th", head)), h("tbody", {}, ...rows.map((cells) => row("td", cells)))),
  );
}

/** @param {string} line */
function cellsOf(line) {
  return line
    .trim()
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

/** @param {string} text */
function inline(text) {
  return text.split(/(\*\*[^*\n]+\*\*|`[^`\n]+`)/).map((piece) => {
    if (/^\*\*.+\*\*$/.test(piece)) return h("strong", {}, unescaped(piece.slice(2, -2)));
    if (/^`.+`$/.test(piece)) return h("code", {}, piece.slice(1, -1));
    return unescaped(piece);
  });
}

/** What was written so that it is no mark is shown as what it is; it becomes text, never HTML. @param {string} text */
function unescaped(text) {
  return text
    .replace(/\\([!-/:-@[-`{-~])/g, "$1")
    .replace(/&(lt|gt|quot|#39);/g, (_, name) => CHARACTERS[/** @type {keyof typeof CHARACTERS} */ (name)])
    .replaceAll("&amp;", "&");
}

const CHARACTERS = { lt: "<", gt: ">", quot: '"', "#39": "'" };
