import assert from "node:assert/strict";
import { test } from "node:test";
import readXlsxFile from "read-excel-file/node";
import { protectionOf } from "../../../server/http/auth.ts";
import { csvExport } from "../../../server/load-tests/exports/csv.ts";
import { exportOperations } from "../../../server/load-tests/exports/routes.ts";
import { send } from "../../support/server.ts";
import { levelWith, resultWith, type ViewApi, withViewApi } from "../../support/view-api.ts";

const HEADS = [
  "Concurrency",
  "Throughput (tok/s)",
  "Request Rate (req/s)",
  "TTFT p50 (ms)",
  "TTFT p95 (ms)",
  "TTFT p99 (ms)",
  "TPOT p50 (ms)",
  "TPOT p95 (ms)",
  "TPOT p99 (ms)",
  "E2E p50 (ms)",
  "E2E p95 (ms)",
  "E2E p99 (ms)",
  "Total Requests",
  "Successful",
  "Failed",
  "Error Rate (%)",
  "Goodput (%)",
];

const LEVELS = [
  levelWith(1, { ttftMs: 12.34567, tpotMs: 5, e2eMs: 600, tokensPerSecond: 200.5, good: 100 }),
  levelWith(10, { completed: 90, failed: 10, ttftMs: 80, e2eMs: 900, tokensPerSecond: 1500, good: 87 }),
];
const exportOf = ({ url }: ViewApi, runId: string, query = "") =>
  `${url}/api/v1/benchmark/result/${runId}/export${query}`;

test("[A-7] [A-39] [A-40] [A-69] [A-87] [A-286] a run downloads as CSV, by default, with one row for each level", () =>
  withViewApi(async (api) => {
    const runId = await api.put({ result: resultWith(LEVELS) });
    const answer = await send(exportOf(api, runId));
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["content-type"], "text/csv; charset=utf-8");
    assert.equal(
      answer.headers["content-disposition"],
      `attachment; filename="${runId.slice(0, 8)}_benchmark.csv"`,
    );
    const [heads, ...rows] = cellsOf(answer.text);
    assert.deepEqual(heads!.slice(0, HEADS.length), HEADS);
    const first = Object.fromEntries(heads!.map((head, i) => [head, rows[0]![i]]));
    assert.deepEqual(
      [first["Run ID"], first.Model, first.Server, first.Adapter, first.Status, first["Started At"]],
      [runId, "qwen3", "http://127.0.0.1:8000", "openai", "completed", "2026-03-14T09:26:53.000Z"],
    );
    assert.deepEqual(
      [first["Duration (s)"], first["Best Throughput (tok/s)"], first["Requests of the Run"]],
      ["30.5", "1500", "200"],
    );
    assert.deepEqual(
      rows.map((row) => row.slice(0, HEADS.length)),
      [
        [
          "1",
          "200.5",
          "10",
          "12.346",
          "12.346",
          "12.346",
          "5",
          "5",
          "5",
          "600",
          "600",
          "600",
          "100",
          "100",
          "0",
          "0",
          "100",
        ],
        // What was not measured is an empty cell, and no 0.
        ["10", "1500", "9", "80", "80", "80", "", "", "", "900", "900", "900", "100", "90", "10", "10", "87"],
      ],
    );
    assert.equal((await send(exportOf(api, runId, "?format=csv"))).text, answer.text);
  }));

test("[A-41] [A-69] a run downloads as a workbook that opens, with numbers as numbers", () =>
  withViewApi(async (api) => {
    const runId = await api.put({ result: resultWith(LEVELS) });
    const answer = await fetch(exportOf(api, runId, "?format=xlsx"));
    assert.equal(answer.status, 200);
    assert.equal(
      answer.headers.get("content-type"),
      "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    );
    assert.equal(
      answer.headers.get("content-disposition"),
      `attachment; filename="${runId.slice(0, 8)}_benchmark.xlsx"`,
    );
    const sheets = await readXlsxFile(Buffer.from(await answer.arrayBuffer()));
    assert.deepEqual(
      sheets.map(({ sheet }) => sheet),
      ["Levels", "Run"],
    );
    const [heads, first, second] = sheets[0]!.data;
    assert.deepEqual(heads!.slice(0, HEADS.length), HEADS);
    assert.deepEqual(first!.slice(0, 4), [1, 200.5, 10, 12.346]);
    assert.deepEqual(second!.slice(6, 9), [null, null, null]);
    const run = new Map(sheets[1]!.data.map(([name, value]) => [name, value]));
    assert.deepEqual([run.get("Run ID"), run.get("Best Concurrency")], [runId, 10]);
  }));

test("no text becomes a formula, a line or a column, in either format", () =>
  withViewApi(async (api) => {
    const hostile = [
      "=cmd|' /C calc'!A0",
      "+1+1",
      "-2+3",
      "@SUM(A1)",
      "\t=1",
      "\r=1",
      " =1",
      "＝1",
      'a","b\r\n=c\u0000\u{1f600}\ud800',
    ];
    for (const model of hostile) {
      const runId = await api.put({ result: resultWith([levelWith(1)]) }, { model });
      const [heads, ...rows] = cellsOf((await send(exportOf(api, runId))).text);
      assert.equal(rows.length, 1, JSON.stringify(model));
      assert.equal(rows[0]!.length, heads!.length);
      const cell = rows[0]![heads!.indexOf("Model")]!;
      assert.match(cell, model.startsWith("a") ? /^a","b =c/ : /^'\s*[=+\-@＝]/, JSON.stringify(model));
      const file = await (await fetch(exportOf(api, runId, "?format=xlsx"))).arrayBuffer();
      const about = (await readXlsxFile(Buffer.from(file)))[1]!.data;
      const inWorkbook = about.find(([name]) => name === "Model")?.[1];
      // Workbooks leave out the mark that stands for what was no character.
      assert.equal(String(inWorkbook).trim(), cell.replaceAll("\ufffd", "").trim());
    }
  }));

test("a run that failed downloads with what it measured, and its reason", () =>
  withViewApi(async (api) => {
    const error = { code: "BENCHMARK_FAILED", message: "None of 4 requests was answered." };
    const runId = await api.put({ status: "failed", error });
    const [heads, ...rows] = cellsOf((await send(exportOf(api, runId))).text);
    assert.equal(rows.length, 1);
    assert.equal(rows[0]![heads!.indexOf("Error")], error.message);
    assert.equal(rows[0]![heads!.indexOf("Concurrency")], "");
    const levels = await fetch(exportOf(api, runId, "?format=xlsx"));
    const [sheet] = await readXlsxFile(Buffer.from(await levels.arrayBuffer()));
    assert.equal(sheet!.data.length, 1);
  }));

test("[A-42] another format, an unknown run and one that still goes are refused each in its way", () =>
  withViewApi(async (api) => {
    const runId = await api.put({ result: resultWith(LEVELS) });
    for (const query of ["?format=pdf", "?format=", "?format=CSV", "?format=csv&format=xlsx"]) {
      const { status, json } = await send(exportOf(api, runId, query));
      assert.equal(status, 400, query);
      assert.equal(json.error.code, "VALIDATION_ERROR");
      assert.deepEqual(json.error.details, [{ field: "format", message: "must be csv or xlsx" }]);
    }
    assert.equal((await send(exportOf(api, "%7Brun_id%7D"))).status, 404, "[A-95] the literal braces");
    const going = await api.put({ status: "running", completedAt: undefined });
    const answer = await send(exportOf(api, going));
    assert.deepEqual([answer.status, answer.json], [202, { run_id: going, status: "running" }]);
  }));

test("[A-17] [A-85] [A-87] [A-88] where a key is configured, what was measured is read without it", () =>
  withViewApi(
    async (api) => {
      const ids = [await api.put({ result: resultWith(LEVELS) }), await api.put()];
      const base = `${api.url}/api/v1/benchmark`;
      assert.equal((await send(exportOf(api, ids[0]!))).status, 200);
      assert.equal((await send(`${base}/result/${ids[0]}/analysis`)).status, 200);
      assert.equal((await send(`${base}/compare`, { body: { run_ids: ids } })).status, 200);
      assert.deepEqual(protectionOf("GET", `/api/v1/benchmark/result/${ids[0]}`), {
        key: false,
        basic: false,
      });
      assert.equal((await send(`${base}/anything`, { body: {} })).status, 401, "the key is configured");
    },
    { apiKey: "sk-test-key" },
  ));

test("a long history of levels stays one file", () => {
  const levels = Array.from({ length: 500 }, (_, i) => levelWith(i + 1));
  const run = { ...BARE, result: resultWith(levels) };
  assert.equal(cellsOf(csvExport(run)).length, 501);
});

test("the download is described", () => {
  const [operation] = exportOperations;
  assert.deepEqual(Object.keys(operation!.answers), ["200", "202", "400", "404"]);
});

const BARE = {
  id: 1,
  runId: "r",
  kind: "load_test",
  status: "completed",
  serverUrl: "http://h",
  model: "m",
  adapter: "openai",
  framework: undefined,
  config: {},
  createdAt: "",
  startedAt: undefined,
  completedAt: undefined,
  error: undefined,
  notes: "",
  favorite: false,
  report: undefined,
} as const;

/** As RFC 4180 has it. */
function cellsOf(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end === ",") continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
