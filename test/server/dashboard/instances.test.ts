import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import type { InstanceMetrics } from "../../../server/agent/collect/instance-metrics.ts";
import { engineWith } from "../../support/agent-api.ts";
import { skip } from "../../support/browser.ts";
import { HOSTILE, withPage } from "../../support/dashboard-page.ts";
import { metricsPage, readingOf, watched } from "../../support/instance-readings.ts";

/** The page's own, of which there are no types. */
const { pointsOf }: { readonly pointsOf: (readings: readonly object[]) => readonly Point[] } = await import(
  new URL("../../../server/dashboard/static/readings.js", import.meta.url).href
);

interface Point {
  readonly figures: Readonly<Record<string, number | undefined>>;
}

const fact = (page: Page, name: string) =>
  page.locator(".facts > div").filter({ hasText: name }).locator("dd").first();

test("an instance is registered in the page, mistakes stand at their fields, and its page tells what was read", {
  skip,
}, async () => {
  await using engine = await engineWith(metricsPage("vllm", "before"), metricsPage("vllm", "after"));
  await withPage(
    {},
    async (page, { url }) => {
      await page.goto(`${url}/#/instances`);
      await page.getByText("No instance is watched yet").waitFor();
      const read = page.getByRole("button", { name: "Read and watch it" });
      await read.click();
      await page.getByText("2 fields need another value").waitFor();
      assert.deepEqual(await page.locator(".mistake:not([hidden])").allTextContents(), [
        "✕ must be a text of 1 to 200 characters",
        "✕ must be an http or https address",
      ]);
      await page.getByLabel("Instance", { exact: true }).fill(HOSTILE);
      await page.getByLabel("Metrics page").fill("http://127.0.0.1:1/metrics");
      await read.click();
      await page.locator("#field-metrics_url-mistake").getByText("nobody listens").waitFor();

      await page.getByLabel("Metrics page").fill(`${engine.url}/metrics`);
      await read.click();
      await page.getByRole("heading", { level: 1, name: HOSTILE }).waitFor();
      assert.equal(await fact(page, "Running").textContent(), "11");
      assert.equal(await fact(page, "Waiting").textContent(), "3");
      assert.equal(await fact(page, "KV cache").textContent(), "62 %");
      assert.match(String(await fact(page, "Throughput").textContent()), /^[\d,.]+ tok\/s$/);
      await page.getByText("means are of all since the engine started").waitFor();

      await page.getByRole("link", { name: "← Instances" }).click();
      const cells = page.getByRole("region", { name: "Instances that are watched" }).locator("tbody td");
      await cells.getByText("62", { exact: true }).waitFor();
      assert.deepEqual((await cells.allTextContents()).slice(3, 6), ["11", "3", "62"]);
      assert.match(String(await cells.nth(2).textContent()), /^\d+ s ago$/);
      await cells.getByText("✓ succeeded").waitFor();
      assert.equal(await page.locator("main img, main script").count(), 0);
      assert.notEqual(await page.title(), "taken");
    },
    { refused: /status of (400|503)/ },
  );
});

test("a reading that failed is told in words where the instance is listed and on its page", { skip }, () =>
  withPage({}, async (page, { url, agent }) => {
    await watched(agent, "a");
    await agent.history.fail("a", { at: new Date().toISOString(), message: `It said ${HOSTILE}.` });
    await page.goto(`${url}/#/instances`);
    const row = page.getByRole("region", { name: "Instances that are watched" }).locator("tbody tr");
    await row.getByText("✕ failed").waitFor();
    await row.getByText(HOSTILE).waitFor();
    await page.getByRole("link", { name: "a", exact: true }).click();
    await page.getByText("✕ the last reading failed").waitFor();
    await page.getByText("What follows is from the reading before").waitFor();
    assert.equal(await page.locator("main img").count(), 0);
  }),
);

const FIRST = { ...readingOf("vllm"), averaged_over: { time_to_first_token_seconds: "lifetime" } } as const;
const after = (total: number): InstanceMetrics => ({
  ...readingOf("vllm"),
  throughput_metrics: { ...readingOf("vllm").throughput_metrics, generation_tokens_total: total },
});
const silent = (metrics: InstanceMetrics): InstanceMetrics => ({
  ...metrics,
  throughput_metrics: { ...metrics.throughput_metrics, tokens_per_second: null },
});

for (const { why, readings, ttft, throughput, running } of [
  {
    why: "a mean of all requests since the engine started is none of this moment",
    readings: [FIRST, after(5000), after(6000)],
    ttft: [undefined, 85, 85],
    throughput: [310, 310, 310],
    running: [11, 11, 11],
  },
  {
    why: "a figure that was unavailable is missing where it was",
    readings: [after(4000), silent(after(5000)), after(6000)],
    ttft: [85, 85, 85],
    throughput: [310, undefined, 310],
    running: [11, 11, 11],
  },
  {
    why: "a total that fell is an engine that restarted: what is counted says nothing, what is there does",
    readings: [after(4000), after(50), after(900)],
    ttft: [85, undefined, 85],
    throughput: [310, undefined, 310],
    running: [11, 11, 11],
  },
  {
    why: "a long time without a reading has a point without figures",
    readings: [after(1), after(2), after(3), undefined, undefined, undefined, after(4)],
    ttft: [85, 85, 85, undefined, 85],
    throughput: [310, 310, 310, undefined, 310],
    running: [11, 11, 11, undefined, 11],
  },
]) {
  test(`trends have gaps: ${why}`, () => {
    const points = pointsOf(
      readings.flatMap((metrics, i) =>
        metrics === undefined ? [] : [{ timestamp: new Date(30_000 * i).toISOString(), ...metrics }],
      ),
    );
    const of = (name: string) => points.map(({ figures }) => rounded(figures[name]));
    assert.deepEqual(
      { ttft: of("ttft"), throughput: of("throughput"), running: of("running") },
      {
        ttft,
        throughput,
        running,
      },
    );
  });
}

test("a plot's line breaks where a figure was missing, and all readings stand below", { skip }, () =>
  withPage({}, async (page, { url, agent }) => {
    const [known, missing] = [after(4000), silent(after(4000))];
    // More than have signs of their own, so that what is blue is the line.
    const readings = Array.from({ length: 60 }, (_, i) => (i > 20 && i < 40 ? missing : known));
    await watched(agent, "a", readings);
    await page.goto(`${url}/#/instance/a`);
    await page.locator("figure.plot canvas").nth(5).waitFor();
    assert.equal(await page.locator("figure.plot").count(), 6);
    assert.deepEqual(await inkOf(page, "Throughput"), [true, false, true]);
    assert.deepEqual(await inkOf(page, "KV cache in use"), [true, true, true]);
    await page.getByText("All readings").click();
    const rows = page.getByRole("region", { name: "All readings" }).locator("tbody tr");
    await rows.first().waitFor();
    assert.equal(await rows.count(), 60);
  }),
);

test("what an engine does not export has no plot, and is told with the reason", { skip }, () =>
  withPage({}, async (page, { url, agent }) => {
    await watched(agent, "a", [readingOf("tgi"), readingOf("tgi")]);
    await page.goto(`${url}/#/instance/a`);
    await page.getByText(/Not in the last reading: TTFT, mean: /).waitFor();
    const titles = await page.locator("figure.plot figcaption").allTextContents();
    assert.deepEqual(titles, [
      "TPOT, mean of the requests since the reading before",
      "E2E latency, mean of the requests since the reading before",
      "Requests",
      "Throughput",
    ]);
  }),
);

test("a page that stays open shows the next reading by itself", { skip }, () =>
  withPage({}, async (page, { url, agent }) => {
    await page.clock.install();
    await watched(agent, "a");
    await page.goto(`${url}/#/instance/a`);
    await page.getByRole("heading", { name: "Tuning advice" }).waitFor();
    const { gpu_metrics, ...metrics } = readingOf("vllm");
    await agent.history.add("a", {
      at: new Date().toISOString(),
      metrics: { ...metrics, gpu_metrics: { ...gpu_metrics, num_requests_waiting: 77 } },
    });
    await page.clock.fastForward(5_000);
    await fact(page, "Waiting").getByText("77").waitFor();
    await page.getByText("77 requests are waiting in the queue").waitFor();
    await page.getByText("All readings").click();
    const rows = page.getByRole("region", { name: "All readings" }).locator("tbody tr");
    await rows.nth(1).waitFor();
    assert.equal(await rows.count(), 2);
  }),
);

test("bottlenecks stand with their severity in words, and advice can be copied for a shell", { skip }, () =>
  withPage({}, async (page, { url, agent }) => {
    const reading = readingOf("vllm");
    const request_metrics = { ...reading.request_metrics, time_to_first_token_seconds: 0.3 };
    await watched(agent, "a", [{ ...reading, request_metrics }]);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(`${url}/#/instance/a`);
    const rows = page.getByRole("region", { name: "Bottlenecks" }).locator("tbody tr");
    await rows.first().waitFor();
    assert.deepEqual((await rows.locator("td:first-child, th").allTextContents()).slice(0, 2), [
      "✕ critical",
      "high latency",
    ]);
    const advice = page.locator(".tuning > li").filter({ hasText: "Guess tokens ahead" });
    assert.match(String(await advice.textContent()), /speculative decoding · against high latency/);
    await advice.getByRole("button", { name: "Copy: Engine flags" }).click();
    await advice.getByText("✓ Copied").waitFor();
    assert.equal(
      await page.evaluate("navigator.clipboard.readText()"),
      `--speculative-config '{"method":"ngram","num_speculative_tokens":4,"prompt_lookup_max":4}'`,
    );
    await advice.getByRole("button", { name: "Copy: Configuration" }).click();
    await advice.getByText("✓ Copied").nth(1).waitFor();
    assert.deepEqual(JSON.parse(String(await page.evaluate("navigator.clipboard.readText()"))), {
      speculative_method: "ngram",
      num_speculative_tokens: 4,
    });
  }),
);

test("an instance is watched no longer once that was confirmed, and not before", { skip }, () =>
  withPage({}, async (page, { url, agent }) => {
    await watched(agent, "a/b?c#d");
    await page.goto(`${url}/#/instances`);
    await page.getByRole("link", { name: "a/b?c#d" }).click();
    const stop = page.getByRole("button", { name: "Stop watching…" });
    await stop.click();
    await page.getByRole("button", { name: "Keep watching it" }).click();
    assert.equal((await agent.history.list()).length, 1);
    await stop.click();
    await page.getByRole("button", { name: "Stop watching it" }).click();
    await page.getByText("No instance is watched yet").waitFor();
    assert.deepEqual(await agent.history.list(), []);
  }),
);

test(
  "who does not want to give a key sees the trends all the same, and is not asked again and again",
  {
    skip,
  },
  () =>
    withPage(
      {},
      async (page, { url, agent }) => {
        await page.clock.install();
        await watched(agent, "a");
        await page.goto(`${url}/#/instance/a`);
        await page.getByRole("button", { name: "Cancel" }).last().click();
        await page.getByRole("button", { name: "Look again" }).waitFor();
        await page.locator("figure.plot canvas").first().waitFor();
        await agent.history.add("a", { at: new Date().toISOString(), metrics: readingOf("vllm") });
        await page.getByText("All readings").click();
        await page.clock.fastForward(5_000);
        await page.getByRole("region", { name: "All readings" }).locator("tbody tr").nth(1).waitFor();
        assert.equal(await page.locator("#key-dialog").getAttribute("open"), null);
        await page.getByRole("button", { name: "Look again" }).click();
        await page.getByLabel("Key", { exact: true }).fill("right");
        await page.getByRole("button", { name: "Use this key" }).click();
        await page.getByRole("heading", { name: "Tuning advice" }).waitFor();
      },
      { apiKey: "right", refused: /status of 401/ },
    ),
);

test(
  "of two hundred instances a page shows twenty-five, asks for no others, and finds one by its id",
  {
    skip,
  },
  () =>
    withPage({}, async (page, { url, agent }) => {
      for (let i = 0; i < 200; i++) await watched(agent, `node-${i}`);
      const asked: string[] = [];
      page.on("request", (request) => asked.push(request.url()));
      await page.goto(`${url}/#/instances`);
      const rows = page.getByRole("region", { name: "Instances that are watched" }).locator("tbody tr");
      await rows.last().getByText("62", { exact: true }).waitFor();
      assert.equal(await rows.count(), 25);
      assert.equal(asked.filter((address) => address.includes("/history")).length, 25);
      await page.getByText("1 to 25 of 200").waitFor();
      await page.getByRole("link", { name: "Next →" }).click();
      await rows.first().getByText("node-25", { exact: true }).waitFor();
      await page.getByLabel("Find an instance").fill("E-19");
      await page.getByRole("button", { name: "Find" }).click();
      await page.getByRole("link", { name: "node-199" }).waitFor();
      assert.equal(await rows.count(), 11);
      await page.goto(`${url}/#/instances?q=nowhere`);
      await page.getByText("No instance is like that").waitFor();
    }),
);

for (const colorScheme of ["light", "dark"] as const) {
  test(`instances with long and hostile ids fit a narrow screen, ${colorScheme}`, { skip }, () =>
    withPage({}, async (page, { url, agent }) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 360, height: 720 });
      for (const id of ["x".repeat(200), HOSTILE]) {
        await watched(agent, id);
        for (const view of ["instances", `instance/${encodeURIComponent(id)}`]) {
          await page.goto(`${url}/#/${view}`);
          await page.locator("main").getByText(id).first().waitFor();
          assert.ok(Number(await page.evaluate("document.documentElement.scrollWidth")) <= 360, view);
        }
      }
      await page.getByRole("button", { name: "Start a workflow…" }).click();
      const right = await page.evaluate(
        "document.querySelector('dialog[open]').getBoundingClientRect().right",
      );
      assert.ok(Number(right) <= 360, "the dialog");
    }),
  );
}

/** Whether there is a line at a quarter, at half and at three quarters of a plot's width. */
async function inkOf(page: Page, title: string): Promise<readonly boolean[]> {
  const figure = page.locator("figure.plot").filter({ has: page.getByText(title, { exact: true }) });
  return figure.locator("canvas").evaluate((element) => {
    const canvas = element as unknown as {
      readonly width: number;
      readonly height: number;
      getContext(kind: "2d"): { getImageData(...place: number[]): { readonly data: Uint8ClampedArray } };
    };
    // Right of the axis, which has a width of its own.
    const left = 58 + 18;
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const isBlue = (at: number) => data[at]! < 60 && data[at + 2]! > 180 && data[at + 3]! > 100;
    return [0.25, 0.5, 0.75].map((share) => {
      const x = Math.round(left + share * (width - left));
      return Array.from({ length: height }, (_, y) => 4 * (y * width + x)).some(isBlue);
    });
  });
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value);
}
