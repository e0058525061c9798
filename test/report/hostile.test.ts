import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { renderCsv } from "../../src/report/exports/csv.ts";
import { renderJunit } from "../../src/report/exports/junit.ts";
import { renderHtml } from "../../src/report/html/html.ts";
import { renderMarkdown } from "../../src/report/markdown/markdown.ts";
import { renderText } from "../../src/report/text/text.ts";
import { STATES } from "./fixture.ts";
import { markupMistakes } from "./well-formed.ts";

const result = STATES.hostile!();

describe("Whatever a target answers, a report stays a report", () => {
  const logs = {
    text: renderText(result, { color: false }),
    "narrow text": renderText(result, { color: false, width: 40 }),
    markdown: renderMarkdown(result),
    junit: renderJunit(result),
  };
  for (const [form, written] of Object.entries(logs)) {
    test(`${form} holds no workflow command, escape sequence or turned direction`, () => {
      assert.doesNotMatch(written, /^\s*::/mu);
      assert.doesNotMatch(written, /##\[/u);
      assert.doesNotMatch(written, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u);
      assert.ok(written.isWellFormed());
    });
  }

  test("Markdown holds no tag but its own, and no comment", () => {
    const tags = new Set(logs.markdown.match(/<\/?[a-z!][\w-]*/giu));
    assert.deepEqual(
      [...tags].sort(),
      ["</details", "</sub", "</summary", "<details", "<sub", "<summary"].sort(),
    );
    assert.doesNotMatch(withoutCharts(logs.markdown), /<!--|-->/u);
  });

  test("Every row of a Markdown table has as many columns as its head", () => {
    for (const table of logs.markdown.split("\n\n").filter((block) => block.startsWith("|"))) {
      const counts = new Set(table.split("\n").map((line) => line.split("|").length));
      assert.equal(counts.size, 1, table.slice(0, 200));
    }
  });

  test("Markdown outside code spans holds no mention, reference, link or image", () => {
    const prose = withoutCharts(logs.markdown).replaceAll(/`[^`\n]*`/gu, "");
    assert.doesNotMatch(prose, /@\w|#\d|:\/\/|www\.|(?<!\\)\[|(?<!\\)\$/u);
  });

  test("HTML is well formed, runs nothing and loads nothing", () => {
    const html = renderHtml(result);
    assert.deepEqual(markupMistakes(html.replace(/<style>[\s\S]*?<\/style>/u, "")), []);
    assert.doesNotMatch(html, /<(?:script|img|a|iframe|object|link)\b/iu);
    assert.doesNotMatch(html, /<[^>]*\s(?:on\w+|href|src)=/iu);
  });

  test("JUnit is well-formed XML", () => assert.deepEqual(markupMistakes(logs.junit), []));

  test("CSV has one line per level, as many cells in each, and no formula", () => {
    const lines = renderCsv(result).trimEnd().split("\r\n");
    assert.equal(lines.length, result.levels.length + 1);
    const width = lines[0]!.split(",").length;
    assert.ok(width >= 20, lines[0]);
    for (const line of lines) {
      const cells = line.match(/(?:^|,)(?:"(?:[^"]|"")*"|[^,"]*)/gu) ?? [];
      assert.equal(cells.length, width, line.slice(0, 200));
      for (const cell of cells) assert.doesNotMatch(cell, /^,?"?[=+@-]/u);
    }
  });
});

function withoutCharts(markdown: string): string {
  return markdown.replaceAll(/```mermaid[\s\S]*?```/gu, "");
}
