import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CONFIG_KEYS } from "../src/plan/run-config.ts";
import { configSchema, SETTINGS } from "../src/plan/settings.ts";
import { resultSchema } from "../src/report/result-schema.ts";
import { resultShape } from "../src/report/result-shape.ts";
import { runPlan } from "../src/run/run.ts";
import { startScriptedServer } from "../src/scripted-server.ts";
import { planOf } from "./support/records.ts";

const read = (file: string) => JSON.parse(readFileSync(file, "utf8"));

test("the schemas in docs are those of the code", () => {
  assert.deepEqual(read("docs/config.schema.json"), configSchema(), "npm run build:schemas");
  assert.deepEqual(
    read("docs/result.schema.json"),
    JSON.parse(JSON.stringify(resultSchema())),
    "npm run build:schemas",
  );
});

test("every setting is told to people", () => {
  assert.deepEqual(Object.keys(SETTINGS), [...CONFIG_KEYS]);
});

test("a measured result has the shape that its schema gives", async () => {
  const server = await startScriptedServer();
  const plan = planOf({
    url: server.url,
    "baseline-url": server.url,
    requests: 20,
    slo: "ttft_p95 < 1s\nttft_p95 regression < 50%",
  });
  const result = JSON.parse(JSON.stringify(await runPlan(plan)));
  await server.close();
  assert.deepEqual(resultShape.safeParse(result).error?.issues, undefined);
});
