/// <reference lib="dom" />
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { renderHtml } from "../../src/report/html/html.ts";
import type { Result } from "../../src/result.ts";
import { launchBrowser, skip } from "../support/browser.ts";
import { STATES } from "./fixture.ts";

/** The page of a report as a browser lays it out. */
describe("A report's page", { skip }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  for (const [state, make] of Object.entries({ ...STATES, "in need of more requests": dependent })) {
    test(`of a run that is ${state} hides nothing at its right edge, and no label covers another`, async () => {
      const page = await browser.newPage();
      await page.setContent(renderHtml(make()));
      for (const width of [1400, 1181, 1100, 981, 980, 390]) {
        await page.setViewportSize({ width, height: 900 });
        const { wider, hidden } = await page.evaluate(() => ({
          wider: document.documentElement.scrollWidth - innerWidth,
          hidden: [...document.querySelectorAll(".scroll")]
            .filter((one) => one.querySelector(".slo") !== null && one.scrollWidth > one.clientWidth)
            .map((one) => `${one.scrollWidth} of ${one.clientWidth}: ${one.textContent?.slice(0, 60)}`),
        }));
        assert.ok(wider <= 0, `${wider} px beyond the page of ${width}`);
        assert.deepEqual(hidden, [], `at ${width}`);
      }
      await page.setViewportSize({ width: 1100, height: 900 });
      const covered = await page.evaluate(() =>
        [...document.querySelectorAll(".plot svg")].flatMap((plot) => {
          const below = [...plot.querySelectorAll('text[text-anchor="middle"]')]
            .map((label) => ({ text: label.textContent, box: label.getBoundingClientRect() }))
            .filter(({ box }) => box.width > 0);
          return below.flatMap(({ text, box }, i) =>
            below
              .slice(i + 1)
              .filter(
                ({ box: other }) =>
                  box.left < other.right &&
                  other.left < box.right &&
                  box.top < other.bottom &&
                  other.top < box.bottom,
              )
              .map((other) => `${text} and ${other.text}`),
          );
        }),
      );
      assert.deepEqual(covered, []);
      await page.close();
    });
  }
});

/** With the longest of verdicts, reasons and samples. */
function dependent(): Result {
  const result = STATES["open loop"]!();
  const levels = result.levels.map((level) => ({
    ...level,
    objectives: level.objectives.map((objective) => ({
      ...objective,
      outcome: "inconclusive" as const,
      samples: 1400,
      effective_samples: 9,
      interval: [158.4, 750.2] as const,
      reason: "Requests depend on each other, so that 1,400 count as 9: too few to show how it varies.",
      requests_needed: 22_240,
      seconds_needed: 43.1,
    })),
  }));
  return { ...result, levels };
}
