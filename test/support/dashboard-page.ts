import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launchBrowser, skip } from "./browser.ts";
import { type DashboardBench, type DashboardOptions, withDashboard } from "./dashboard.ts";

/** What a target, or anybody, may call something. */
export const HOSTILE = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`;

let browser: Browser | undefined;
before(async () => {
  if (skip === false) browser = await launchBrowser();
});
after(() => browser?.close());

export interface PageOptions extends DashboardOptions {
  /** What the console may say, since a browser logs each answer that is no success. */
  readonly refused?: RegExp;
}

/** A page of the server's, which must say nothing in its console and break no policy. */
export function withPage(
  script: Parameters<typeof withDashboard>[0],
  work: (page: Page, bench: DashboardBench) => Promise<void>,
  { refused, ...options }: PageOptions = {},
): Promise<void> {
  return withDashboard(
    script,
    async (bench) => {
      const context = await browser!.newContext({ locale: "en-US" });
      const page = await context.newPage();
      const said: string[] = [];
      const foreign: string[] = [];
      page.on("console", (message) => said.push(message.text()));
      page.on("pageerror", (error) => said.push(String(error)));
      page.on("request", (request) => {
        if (!request.url().startsWith(bench.url)) foreign.push(request.url());
      });
      await page.addInitScript(
        `addEventListener("securitypolicyviolation", (event) => console.error("policy: " + event.violatedDirective))`,
      );
      try {
        await work(page, bench);
        assert.deepEqual(
          said.filter((text) => refused?.test(text) !== true),
          [],
          "console",
        );
        assert.deepEqual(foreign, [], "requests to other servers");
      } finally {
        await context.close();
      }
    },
    options,
  );
}
