/** What stands on a pull request, kept whole for every way a run can end; UPDATE_GOLDEN=1 writes it anew. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { Ending, Measured } from "../../action/ending.ts";
import { HOSTILE_TEXTS, STATES } from "../report/fixture.ts";
import { markdownMistakes } from "../report/markdown-mistakes.ts";

// The toolkit reads these while it loads.
Object.assign(process.env, {
  GITHUB_REPOSITORY: "octo-org/chat-service",
  GITHUB_SERVER_URL: "https://github.com",
  GITHUB_RUN_ID: "8123456789",
  GITHUB_SHA: "4f1c2e7a9b3d5f60718293a4b5c6d7e8f9012345",
  GITHUB_EVENT_PATH: "",
});
const { markdown } = await import("../../action/report.ts");
const { checkTitle, fails, headline, measuredEnding, passed, reasons, symbolOf } = await import(
  "../../action/ending.ts"
);
const { renderHtml } = await import("../../src/report/html/html.ts");
const { renderText } = await import("../../src/report/text/text.ts");

const FOLDER = new URL("../golden/comment/", import.meta.url);
const RUN = "https://github.com/octo-org/chat-service/actions/runs/8123456789";
const FILES = { result: "goodput-report/result.json", html: "goodput-report/report.html" };

function measured(state: string, regression = 0.1, firstRun = false): Measured {
  return measuredEnding(STATES[state]!(), regression, FILES, firstRun);
}

const ENDINGS: Readonly<Record<string, () => Ending>> = {
  met: () => measured("met"),
  violated: () => measured("violated"),
  inconclusive: () => measured("inconclusive"),
  invalid: () => measured("invalid"),
  regressed: () => measured("regressed", 0.05),
  "violated and regressed": () => measured("compared", 0.05),
  "first run": () => measured("met", 0.1, true),
  "incomparable baseline": () => measured("incomparable"),
  cancelled: () => measured("cancelled"),
  "nothing measured": () => measured("nothing measured"),
  "all failed": () => measured("all failed"),
  "no objectives": () => measured("no objectives"),
  "many levels": () => measured("sweep"),
  "capacity search": () => measured("capacity search"),
  drifting: () => measured("drifting"),
  unreachable: () => ({
    kind: "stopped",
    conclusion: "unreachable",
    reasons: [
      "http://127.0.0.1:8000/v1/chat/completions could not be reached: connect ECONNREFUSED 127.0.0.1:8000",
      "Is the service up, and is the address right? With server-command the Action starts it and waits.",
    ],
  }),
  "config mistakes": () => ({
    kind: "stopped",
    conclusion: "config",
    reasons: [
      "fail-on: 'slos' should be none, or some of slo, regression, invalid, inconclusive or error, for example slo,invalid.",
      "slo: 'ttft_p95 < 500' should have a unit, for example ttft_p95 < 500ms.",
      "urll: is not an input; did you mean url?",
    ],
  }),
  skipped: () => ({
    kind: "stopped",
    conclusion: "skipped",
    reasons: ["The API key is empty: runs for forks get no secrets, so nothing was measured."],
  }),
  "internal error": () => ({
    kind: "stopped",
    conclusion: "error",
    reasons: ["This is a mistake in Goodput itself.", "TypeError: Cannot read properties of undefined"],
  }),
};

describe("A comment reads as it did when it was last looked at", () => {
  for (const [name, make] of Object.entries(ENDINGS)) {
    test(name, () => {
      const file = new URL(`${name.replaceAll(" ", "-")}.md`, FOLDER);
      const written = markdown(make(), 60_000);
      if (process.env.UPDATE_GOLDEN === "1") {
        mkdirSync(FOLDER, { recursive: true });
        writeFileSync(file, written);
      }
      assert.equal(written, readFileSync(file, "utf8"));
      assert.deepEqual(markdownMistakes(written, [RUN]), []);
    });
  }

  test("the check's line of each, its headline, and what is listed under it", () => {
    const file = new URL("titles.txt", FOLDER);
    const written = Object.entries(ENDINGS)
      .map(([name, make]) => {
        const ending = make();
        const state = `${ending.conclusion}${passed(ending) ? ", passed" : ""}`;
        return [
          `${name}: ${checkTitle(ending)}`,
          `  ${state}: ${headline(ending)}`,
          ...reasons(ending).map((line) => `    ${line}`),
        ].join("\n");
      })
      .join("\n\n");
    if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file, `${written}\n`);
    assert.equal(`${written}\n`, readFileSync(file, "utf8"));
  });
});

describe("A run without a result", () => {
  const texts = [...HOSTILE_TEXTS, "x".repeat(5000)];
  const ending = (conclusion: "config" | "unreachable"): Ending => ({
    kind: "stopped",
    conclusion,
    reasons: Array.from({ length: 300 }, (_, i) => `${i}: ${texts[i % texts.length]!}`),
  });

  test("is told in Markdown that holds nothing of its reasons but text, at any length", () => {
    for (const conclusion of ["config", "unreachable"] as const) {
      for (const maxChars of [300, 1_000, 5_000, 60_000]) {
        const written = markdown(ending(conclusion), maxChars);
        assert.ok(written.length <= maxChars, `${written.length} of ${maxChars}`);
        assert.deepEqual(markdownMistakes(written, [RUN]), []);
        assert.ok(written.includes(`](${RUN})`));
      }
    }
  });

  test("fits one line of a list of checks", () => {
    for (const conclusion of ["config", "unreachable"] as const) {
      const title = checkTitle(ending(conclusion));
      assert.ok(title.length <= 140 && !/[\n\u001b\u202e]/u.test(title), title);
    }
  });
});

describe("Every form tells one verdict", () => {
  /** The words of the ending's conclusion in a report's own head. */
  const WORDS: Readonly<Record<string, RegExp>> = { measured: /measured, no objectives/i };
  for (const [name, make] of Object.entries(ENDINGS)) {
    test(name, () => {
      const ending = make();
      const word = WORDS[ending.conclusion] ?? new RegExp(`\\b${ending.conclusion}\\b`, "i");
      assert.ok(markdown(ending, 60_000).startsWith(`## ${symbolOf(ending.conclusion)} Goodput: `));
      if (ending.kind === "stopped") return;
      const { result, regressions } = ending;
      assert.match(markdown(ending, 60_000).split("\n")[0]!, word);
      assert.match(renderText(result, { color: false, ...(regressions && { regressions }) }), word);
      assert.match(/<h1>(.*)<\/h1>/u.exec(renderHtml(result, regressions))![1]!, word);
    });
  }

  test("and charts change no figure of it", () => {
    for (const make of Object.values(ENDINGS)) {
      const all = markdown(make(), 250_000, "mermaid");
      for (const charts of ["auto", "unicode", "none"] as const) {
        for (const line of markdown(make(), 250_000, charts).split("\n")) {
          if (!line.startsWith("<sub>Intervals")) assert.ok(all.includes(withoutBars(line)), line);
        }
      }
    }
  });

  test("a run that may not be believed or was stopped never fails less than it says", () => {
    const all = new Set(["slo", "regression", "invalid", "inconclusive", "error"] as const);
    for (const [name, make] of Object.entries(ENDINGS)) {
      const ending = make();
      const harmless = ["met", "measured", "skipped"].includes(ending.conclusion);
      assert.equal(fails(ending, all), !harmless, name);
    }
  });
});

/** The column of bars comes last, so that what is before it stands in every form. */
function withoutBars(line: string): string {
  return line.replace(/ \| (?:`[▁-█·]+`|Over time|TTFT p95 over time|:-)? \|$/u, " |").trimEnd();
}
