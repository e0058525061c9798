import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { withShardSalt } from "../../action/shard-salt.ts";
import { planOf } from "../support/records.ts";

const given = { run: process.env.GITHUB_RUN_ID, attempt: process.env.GITHUB_RUN_ATTEMPT };
const set = (run: string | undefined, attempt: string | undefined) => {
  for (const [name, value] of [
    ["GITHUB_RUN_ID", run],
    ["GITHUB_RUN_ATTEMPT", attempt],
  ] as const) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
};
afterEach(() => set(given.run, given.attempt));

const salt = (index: number, raw = {}) => withShardSalt(planOf(raw), { shard: { index, of: 2 } }).promptSalt;

test("the shards of one plan in one attempt of a workflow's run have one salt, and others another", () => {
  set("4242", "1");
  const first = salt(0);
  assert.match(first!, /^4242\.1\.[0-9a-f]{8}$/);
  assert.equal(salt(1), first);
  assert.notEqual(salt(0, { seed: 2 }), first, "another plan");
  set("4242", "2");
  assert.notEqual(salt(0), first, "another attempt");
});

test("a salt that was given stays, and what is no shard draws its own", () => {
  set("4242", "1");
  assert.equal(salt(0, { "prompt-salt": "mine" }), "mine");
  assert.equal(withShardSalt(planOf(), { shard: undefined }).promptSalt, undefined);
  set(undefined, undefined);
  assert.equal(salt(0), undefined);
});
