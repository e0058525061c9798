/** The interpreter of workflows must not be kinder than GitHub. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { condition, evaluate, fillIn } from "../support/expression.ts";

const contexts = {
  github: { event: { label: { name: "GPU" } }, event_name: "pull_request" },
  secrets: { KEY: "sk" },
  matrix: { shard: 2 },
};

for (const [expression, value, why] of [
  ["github.event_name == 'pull_request'", true, "texts compare"],
  ["github.event.label.name == 'gpu'", true, "without regard to case"],
  ["github.event.nothing.at.all == ''", true, "what is not there is empty"],
  ["false || (true && matrix.shard == 2)", true, "brackets"],
  ["!(matrix.shard != 2)", true, "not"],
  ["secrets.KEY", "sk", "a value"],
  ["'it''s'", "it's", "a doubled quote"],
] as const) {
  test(`${expression} is ${value}: ${why}`, () => {
    assert.equal(evaluate(expression, contexts, "success"), value);
  });
}

for (const [text, state, expected] of [
  ["true", "failure", false],
  [`\${{ !cancelled() }}`, "failure", true],
  [`\${{ !cancelled() }}`, "cancelled", false],
  ["always()", "cancelled", true],
  ["failure()", "success", false],
] as const) {
  test(`a step with if: ${text} ${expected ? "runs" : "does not run"} after ${state}`, () => {
    assert.equal(condition(text, contexts, state), expected);
  });
}

test("expressions are filled into texts", () => {
  assert.equal(fillIn(`shard-\${{ matrix.shard }}/\${{ matrix.none }}.`, contexts, "success"), "shard-2/.");
});

for (const wrong of ["nowhere.name", "contains(matrix.shard, 2)", "hashFiles()", "(true", "true true"]) {
  test(`${wrong} is refused rather than guessed`, () => {
    assert.throws(() => evaluate(wrong, contexts, "success"));
  });
}
