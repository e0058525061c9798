import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { renderCsv } from "../../src/report/exports/csv.ts";
import { renderJunit } from "../../src/report/exports/junit.ts";
import { renderMarkdown } from "../../src/report/markdown/markdown.ts";
import { renderText } from "../../src/report/text/text.ts";
import type { Result } from "../../src/result.ts";
import { STATES } from "./fixture.ts";

/** What a person reads, kept whole; UPDATE_GOLDEN=1 writes it anew, and the difference is read in review. */
const FOLDER = new URL("../golden/report/", import.meta.url);

const FORMS: Readonly<Record<string, (result: Result) => string>> = {
  txt: (result) => renderText(result, { color: false }),
  md: (result) => renderMarkdown(result),
  xml: renderJunit,
  csv: renderCsv,
};

describe("A report reads as it did when it was last looked at", () => {
  for (const [state, make] of Object.entries(STATES)) {
    // Its text is not for reading; hostile.test.ts says what must hold of it.
    if (state === "hostile") continue;
    for (const [extension, render] of Object.entries(FORMS)) {
      test(`a run that is ${state}, as ${extension}`, () => {
        const file = new URL(`${state.replaceAll(" ", "-")}.${extension}`, FOLDER);
        const written = render(make());
        if (process.env.UPDATE_GOLDEN === "1") {
          mkdirSync(FOLDER, { recursive: true });
          writeFileSync(file, written);
        }
        assert.equal(written, readFileSync(file, "utf8"));
      });
    }
  }
});
