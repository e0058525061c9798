import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { parse } from "yaml";
import { ACTION_INPUTS } from "../../action/inputs.ts";
import { OUTPUTS } from "../../action/outputs.ts";
import { CONFIG_KEYS } from "../../src/index.ts";

interface ActionYml {
  readonly inputs: Readonly<Record<string, { readonly description: string; readonly default?: string }>>;
  readonly outputs: Readonly<Record<string, { readonly description: string }>>;
  readonly runs: Readonly<Record<string, string>>;
}

const action: ActionYml = parse(await readFile(new URL("../../action.yml", import.meta.url), "utf8"));

test("action.yml and the code name the same inputs", () => {
  assert.deepEqual(Object.keys(action.inputs).sort(), [...CONFIG_KEYS, ...ACTION_INPUTS].sort());
});

test("action.yml and the code name the same outputs", () => {
  assert.deepEqual(Object.keys(action.outputs).sort(), [...OUTPUTS].sort());
});

test("only the token has a default in action.yml, so that empty inputs leave the config file its say", () => {
  const withDefault = Object.entries(action.inputs).filter(([, about]) => about.default !== undefined);
  assert.deepEqual(
    withDefault.map(([name]) => name),
    ["github-token"],
  );
});

test("every input and output is described", () => {
  for (const about of [...Object.values(action.inputs), ...Object.values(action.outputs)]) {
    assert.match(about.description, /\.$/);
  }
});

test("the runner is told to start the bundle on Node 24", () => {
  assert.deepEqual(action.runs, {
    using: "node24",
    main: "dist/index.js",
    post: "dist/index.js",
    "post-if": "always()",
  });
});
