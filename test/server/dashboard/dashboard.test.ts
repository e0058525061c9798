import assert from "node:assert/strict";
import { globSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { dashboardOperations } from "../../../server/dashboard/routes.ts";
import { ModelHolder } from "../../../server/model/model-holder.ts";
import type { MeasuredRun } from "../../../server/store/run-store.ts";
import { skip } from "../../support/browser.ts";
import { withDashboard } from "../../support/dashboard.ts";
import { HOSTILE, withPage } from "../../support/dashboard-page.ts";
import { fakeInference } from "../../support/fake-inference.ts";
import { send } from "../../support/server.ts";

test("a browser gets the page at /, and a program a sign of life", () =>
  withDashboard({}, async ({ url }) => {
    const page = await send(url, { headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" } });
    assert.equal(page.status, 200);
    assert.match(String(page.headers["content-type"]), /^text\/html/);
    assert.equal(page.headers.vary, "Accept");
    assert.match(page.text, /<title>Goodput<\/title>/);
    assert.doesNotMatch(
      page.text,
      /<style|style=|<script(?! type="module" src="\/)|\bon\w+=|https?:/,
      "nothing inline",
    );
    for (const accept of ["*/*", "application/json"]) {
      assert.equal((await send(url, { headers: { accept } })).json.status, "healthy");
    }
  }));

test("the page's policy lets it run scripts of this server, and nothing else", () =>
  withDashboard({}, async ({ url }) => {
    const { headers } = await send(url, { headers: { accept: "text/html" } });
    assert.equal(
      headers["content-security-policy"],
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
        "require-trusted-types-for 'script'; trusted-types 'none'",
    );
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["referrer-policy"], "no-referrer");
  }));

test("each file has its type and a tag by which it need not be sent again", () =>
  withDashboard({}, async ({ url }) => {
    const types = {
      js: "text/javascript; charset=utf-8",
      css: "text/css; charset=utf-8",
      svg: "image/svg+xml",
    };
    const own = readdirSync("server/dashboard/static").filter((name) => name !== "index.html");
    for (const name of [...own, "uPlot.esm.js", "uPlot.min.css"]) {
      const path = `${url}/dashboard/${name}`;
      const { status, headers } = await send(path);
      assert.equal(status, 200, name);
      assert.equal(headers["content-type"], types[name.split(".").at(-1) as keyof typeof types], name);
      assert.equal(headers["cache-control"], "no-cache");
      const tag = String(headers.etag);
      assert.match(tag, /^"[0-9a-f]{16}"$/);
      const again = await send(path, { headers: { "if-none-match": tag } });
      assert.deepEqual([again.status, again.text], [304, ""]);
    }
  }));

test("no other file can be had, however it is asked for", () =>
  withDashboard({}, async ({ url }) => {
    for (const name of [
      "..%2f..%2fpackage.json",
      "%2e%2e/main.ts",
      "package.json",
      "index.html",
      "__proto__",
    ]) {
      assert.equal((await send(`${url}/dashboard/${name}`)).status, 404, name);
    }
  }));

test("every module the page imports is one the server has", () => {
  const own = new Set([...readdirSync("server/dashboard/static"), "uPlot.esm.js"]);
  for (const file of globSync("server/dashboard/static/*.js")) {
    const text = readFileSync(file, "utf8");
    for (const [, name] of text.matchAll(/from "\.\/([^"]+)"/g))
      assert.ok(own.has(name!), `${file}: ${name}`);
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/, file);
  }
});

test("the document tells of the page's parts", () => {
  assert.deepEqual(
    dashboardOperations.map(({ method, path }) => `${method} ${path}`),
    ["get /dashboard/{name}"],
  );
});

test(
  "a run that is started in the page is seen to go on and to complete, and its model's name stays text",
  { skip },
  () =>
    withPage({ ttftMs: 5, gapMs: 2 }, async (page, { url, target }) => {
      await page.goto(url);
      await page.getByText("There are no runs yet").waitFor();
      await page.getByRole("link", { name: "Start the first one" }).click();
      await page.getByLabel("Server URL").fill(target.url);
      await page.getByLabel("Model", { exact: true }).fill(HOSTILE);
      await page.getByLabel("Concurrency").fill("1, 2");
      await page.getByLabel("Requests per level").fill("30");
      await page.getByLabel("Answer, at most").fill("8");
      await page.getByRole("button", { name: "Start the run" }).click();

      await page.getByRole("progressbar").waitFor();
      await page.getByText("✓ completed").waitFor();
      assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), HOSTILE);
      const rows = page.getByRole("region", { name: "What each level measured" }).locator("tbody tr");
      assert.equal(await rows.count(), 2);
      assert.equal(await rows.nth(1).locator("th").textContent(), "2");
      assert.equal(await page.locator("figure.plot canvas").count(), 5);

      await page.getByRole("button", { name: "Write the analysis" }).click();
      await page.getByRole("heading", { name: "What was measured" }).waitFor();
      for (const format of ["CSV", "XLSX"]) {
        const href = await page.getByRole("link", { name: format }).getAttribute("href");
        assert.equal((await send(url + href)).status, 200, format);
      }

      await page.getByRole("link", { name: "← Runs" }).click();
      const first = page.getByRole("region", { name: "Runs, the newest first" }).locator("tbody tr").first();
      await first.getByText(HOSTILE).waitFor();
      assert.equal(await page.locator("main img, main script").count(), 0);
      assert.notEqual(await page.title(), "taken");
    }),
);

test("mistakes stand beside their fields, in the API's words", { skip }, () =>
  withPage(
    {},
    async (page, { url, store }) => {
      await page.goto(`${url}/#/new`);
      await page.getByLabel("Server URL").fill("ftp://nowhere");
      await page.getByLabel("Concurrency").fill("1, many");
      await page.getByLabel("Timeout").fill("0");
      await page.getByRole("button", { name: "Start the run" }).click();
      await page.getByText("4 fields need another value").waitFor();
      const told = await page.locator(".mistake:not([hidden])").allTextContents();
      assert.deepEqual(told, [
        "✕ must be an http or https URL without user and password",
        "✕ must not be empty",
        "✕ entry 2 must be a whole number from 1 on",
        "✕ must be a number of seconds above 0",
      ]);
      assert.deepEqual(
        await page.evaluate("[...document.querySelectorAll('[aria-invalid]')].map(({ name }) => name)"),
        ["server_url", "model", "concurrency", "timeout"],
      );
      assert.equal(await page.evaluate("document.activeElement.name"), "server_url");
      assert.equal((await store.list({}, { limit: 1, offset: 0 })).total, 0);
    },
    { refused: /status of 400/ },
  ),
);

test("the key is asked for once, kept for the tab, and asked for again when it is wrong", { skip }, () =>
  withPage(
    {},
    async (page, { url, target }) => {
      await page.goto(`${url}/#/new`);
      const start = async (model: string) => {
        await page.getByLabel("Server URL").fill(target.url);
        await page.getByLabel("Model", { exact: true }).fill(model);
        await page.getByLabel("Concurrency").fill("1");
        await page.getByLabel("Requests per level").fill("2");
        await page.getByRole("button", { name: "Start the run" }).click();
      };
      await start("first");
      await page.getByLabel("Key", { exact: true }).fill("wrong");
      await page.getByRole("button", { name: "Use this key" }).click();
      await page.getByText("The key was not accepted").waitFor();
      await page.getByLabel("Key", { exact: true }).fill("right");
      await page.getByRole("button", { name: "Use this key" }).click();
      await page.getByText("✓ completed").waitFor();
      await page.goto(`${url}/#/new`);
      await start("second");
      await page.getByRole("heading", { name: "second" }).waitFor();
      await page.getByText("✓ completed").waitFor();
      assert.equal(await page.evaluate("localStorage.length"), 0);
    },
    { apiKey: "right", refused: /status of 401/ },
  ),
);

test(
  "who comes late sees how a run goes, is told when the connection breaks, and can stop it",
  { skip },
  () =>
    withPage(
      { ttftMs: 5 },
      async (page, { url, runs, request, cut }) => {
        const { runId } = await runs.start(request({ requests: 100_000 }));
        await page.goto(`${url}/#/run/${runId}`);
        await page.getByText(/level 1 of 1/).waitFor();
        cut();
        await page.getByText("The connection broke; trying again").waitFor();
        await page
          .getByText("The connection broke")
          .waitFor({ state: "detached" })
          .catch(() => {});
        await page.getByRole("button", { name: "Stop; keep what was measured" }).click();
        await page.getByText("■ cancelled").waitFor();
        await page.getByRole("region", { name: "What each level measured" }).waitFor();
      },
      { refused: /ERR_|WebSocket/ },
    ),
);

test(
  "two runs that are chosen in the list stand beside each other, with words for what changed",
  { skip },
  () =>
    withPage({ ttftMs: 5 }, async (page, { url, runs, store, request }) => {
      for (let i = 0; i < 2; i++) {
        const { runId } = await runs.start(request({ concurrency: [1, 2], requests: 20 }));
        const ended = await runs.ended(runId);
        // Whether this machine was busy meanwhile is not what is tested.
        await store.update(runId, { result: { ...ended!.result!, valid: true, findings: [] } });
      }
      await page.goto(`${url}/#/compare`);
      const boxes = page.getByRole("checkbox", { name: /^Choose the run of scripted/ });
      await boxes.nth(1).check();
      await boxes.nth(0).check();
      await page.getByRole("button", { name: "Compare 2 runs" }).click();
      await page.getByRole("heading", { name: "B against A" }).waitFor();
      const levels = page.getByRole("region", { name: "Figures by level and run" }).locator("tbody tr");
      assert.equal(await levels.count(), 4);
      await page.getByText(/^All \d+ figures$/).click();
      const changes = page.getByRole("region", { name: "All figures, B against A" }).locator("tbody tr");
      const words = await changes.locator("td:last-child").allTextContents();
      assert.ok(words.length > 0);
      for (const word of words) assert.match(word, /^(▲ better|▼ worse|~ unclear)$/);
    }),
);

test("what the server counted stands beside what was measured, and findings before both", { skip }, () =>
  withPage({ ttftMs: 5 }, async (page, { url, runs, store, request }) => {
    const { runId } = await runs.start(request());
    const ended = await runs.ended(runId);
    const finding = {
      level: "invalid",
      happened: `It was ${HOSTILE}.`,
      matters: "So it is.",
      advice: "Wait.",
    };
    const findings = [1, 2].map((level) => ({
      ...finding,
      code: "generator_late",
      at: `concurrency ${level}`,
    }));
    const row = {
      source: "prometheus",
      unit: "requests",
      client_value: 5,
      difference_percent: 25,
      passed: false,
    };
    const validation = {
      overall_passed: false,
      tolerance: 0.05,
      comparisons: [{ ...row, metric_name: "requests", server_value: 4 }],
      sources: { prometheus: "compared", container_logs: "off" },
      warnings: [HOSTILE],
      validated_at: "2026-01-01T00:00:00Z",
    };
    const result = { ...ended!.result!, valid: false, findings } as unknown as NonNullable<
      MeasuredRun["result"]
    >;
    await store.update(runId, { result, report: { validation } });
    await page.goto(`${url}/#/run/${runId}`);
    await page.getByText("✕ not a valid measurement").waitFor();
    assert.equal(await page.locator(".findings li").count(), 1, "said once for both levels");
    assert.equal(await page.locator(".findings .advice").textContent(), "So it is. Wait.");
    const cells = page
      .getByRole("region", { name: "Client and server" })
      .locator("tbody tr")
      .locator("th, td");
    assert.deepEqual(await cells.allTextContents(), [
      "requests, requests",
      "prometheus",
      "5",
      "4",
      "25",
      "✕ differs",
    ]);
    await page.getByText("✕ client and server differ (tolerance 5 %)").waitFor();
    assert.equal(await page.locator("main img").count(), 0);
  }),
);

test("a capacity is asked for, measured and told with its formula", { skip }, () =>
  withPage({ ttftMs: 2, capacity: 4 }, async (page, { url, target }) => {
    await page.goto(`${url}/#/capacity`);
    await page.getByLabel("Server URL").fill(target.url);
    await page.getByLabel("Model", { exact: true }).fill("scripted");
    await page.getByLabel("Answer tokens").fill("4");
    // Far from what it takes here, so that no hiccup of a busy machine counts.
    await page.getByLabel("TTFT below").fill("30000");
    await page.getByLabel("TPOT below").fill("30000");
    await page.getByText("How it is measured").click();
    await page.getByLabel("Concurrency", { exact: true }).fill("1 2");
    await page.getByLabel("Requests per level").fill("20");
    await page.getByRole("button", { name: "Measure the capacity" }).click();
    await page.getByRole("heading", { name: "Capacity" }).waitFor();
    await page.getByText("a level keeps the objectives").waitFor();
    assert.equal(
      await page.getByRole("region", { name: "Which levels keep" }).locator("tbody tr").count(),
      2,
    );
    assert.match(
      String(await page.locator(".formula").first().textContent()),
      /^ceil\(500 \/ \d+\) × 1\.2 = \d+$/,
    );
  }),
);

test("the server's own model is told of with its memory and speed, as is that there is none", {
  skip,
}, async () => {
  await withPage({}, async (page, { url }) => {
    await page.goto(`${url}/#/model`);
    await page.getByText("started without a model").waitFor();
  });
  const inference = fakeInference();
  await withPage(
    {},
    async (page, { url }) => {
      await page.goto(`${url}/#/model`);
      await page.getByRole("heading", { name: "fake" }).waitFor();
      await page.getByText("✓ ready").waitFor();
    },
    { models: new ModelHolder(Promise.resolve(inference)) },
  );
});

test("what does not exist is said plainly, and hostile ids stay text", { skip }, () =>
  withPage(
    {},
    async (page, { url }) => {
      await page.goto(`${url}/#/run/${encodeURIComponent(HOSTILE)}`);
      await page.getByRole("alert").getByText("There is no run").waitFor();
      await page.goto(`${url}/#/nowhere`);
      await page.getByText("There is no such view").waitFor();
      await page.goto(`${url}/#/runs?status=failed`);
      await page.getByText("No run is like that").waitFor();
      assert.equal(await page.locator("main img").count(), 0);
    },
    { refused: /status of 404/ },
  ),
);

for (const colorScheme of ["light", "dark"] as const) {
  test(`no view is wider than a narrow screen, ${colorScheme}`, { skip }, () =>
    withPage({ ttftMs: 5 }, async (page, { url, runs, store, request }) => {
      const { runId } = await runs.start(request({ concurrency: [1, 2], requests: 10 }));
      const { result } = (await runs.ended(runId))!;
      const touches = Object.keys(result!.levels[0]!.metrics);
      const said = { happened: "It was late.", matters: "All figures have it.", advice: "Wait." };
      const findings = [{ code: "generator_late", level: "note" as const, touches, ...said }];
      await store.update(runId, { result: { ...result!, valid: true, findings } });
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 360, height: 720 });
      for (const [view, text] of [
        ["runs", "scripted"],
        ["new", "Start the run"],
        [`run/${runId}`, "Analysis"],
        ["compare", "Choose two to five runs"],
        ["capacity", "Measure the capacity"],
        ["instances", "No instance is watched yet"],
        ["workflows", "There are no workflows yet"],
        ["model", "Memory"],
      ]) {
        await page.goto(`${url}/#/${view}`);
        await page.locator("main").getByText(text!).first().waitFor();
        assert.ok(Number(await page.evaluate("document.documentElement.scrollWidth")) <= 360, view);
      }
    }),
  );
}
