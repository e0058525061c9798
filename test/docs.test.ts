import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { parseObjectives, RATES } from "../src/plan/objective.ts";
import { CONFIG_KEYS } from "../src/plan/run-config.ts";
import { LATENCIES } from "../src/result.ts";
import { FAILURE_REASONS } from "../src/send/exchange.ts";

const read = (file: string) => readFileSync(file, "utf8");
const metrics = read("docs/metrics.md");

test("docs/metrics.md defines every metric, rate and failure of the code", () => {
  for (const name of [
    ...LATENCIES,
    ...Object.keys(RATES),
    "goodput_ratio",
    "prompt_cache_hit_ratio",
    "prompt_cache_unshared_ratio",
    ...FAILURE_REASONS,
  ]) {
    assert.ok(metrics.includes(`\`${name}\``), name);
  }
});

test("docs/metrics.md lists exactly the findings that the code can give", () => {
  const sources = [...globSync("src/judge/*.ts"), "src/report/build-result.ts"].map(read).join("");
  const endings = ["max_tokens", "max_errors", "max_error_rate", "overload"];
  const given = [...sources.matchAll(/code: (?:.*\? )?"(\w+)"(?: : "(\w+)")?/g)]
    .flatMap(([, one, other]) => [one, other])
    .filter((code) => code !== undefined)
    .concat(endings);
  const section = metrics.slice(metrics.indexOf("## Validity"), metrics.indexOf("## Words"));
  const listed = [...section.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`(\w+)`/g)].map(([, code]) => code),
  );
  assert.deepEqual(listed.toSorted(), given.toSorted());
});

test("every objective shown in docs and README is one", () => {
  for (const file of ["docs/metrics.md", "README.md"]) {
    const blocks = [...read(file).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
      .filter(([, language]) => language === "")
      .map(([, , block]) => block!);
    const lines = blocks
      .join("")
      .split("\n")
      .filter((line) => /[<>]=?\s*[\d.]+\S*$/.test(line.trim()));
    assert.ok(lines.length > 0, file);
    assert.deepEqual(parseObjectives(lines).mistakes, [], file);
  }
});

test("the README shows exactly the settings there are", () => {
  const table = [...read("README.md").matchAll(/^\| `([a-z-]+)` \| .*\| setting \|$/gm)].map(
    ([, key]) => key,
  );
  assert.deepEqual(table, [...CONFIG_KEYS]);
});

for (const file of [...globSync("*.md"), ...globSync("docs/**/*.md")]) {
  test(`links of ${file} lead somewhere`, () => {
    for (const [, target] of read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      assert.ok(existsSync(join(dirname(file), target!)), target);
    }
  });
}
