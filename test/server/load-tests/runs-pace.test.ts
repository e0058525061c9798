import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { coalesced } from "../../../server/load-tests/runs/progress-pace.ts";
import { createRunQueue } from "../../../server/load-tests/runs/run-queue.ts";

test("of much news only the latest is passed on, at most every 200 ms, and the last one always", (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const passed: number[] = [];
  const pace = coalesced((n: number) => passed.push(n));
  pace.add(1);
  pace.add(2);
  pace.add(3);
  assert.deepEqual(passed, [1]);
  mock.timers.tick(199);
  assert.deepEqual(passed, [1]);
  mock.timers.tick(1);
  assert.deepEqual(passed, [1, 3]);
  pace.add(4);
  assert.deepEqual(passed, [1, 3]);
  pace.flush();
  assert.deepEqual(passed, [1, 3, 4]);
  mock.timers.tick(1_000);
  assert.deepEqual(passed, [1, 3, 4]);
  pace.add(5);
  assert.deepEqual(passed, [1, 3, 4, 5]);
});

test("a queue begins as many as it may, the others in order, and goes on after one that failed", async () => {
  const queue = createRunQueue(2);
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<void>>();
  const add = (name: string) => {
    ends.set(name, Promise.withResolvers<void>());
    return queue.add(name, () => {
      begun.push(name);
      return ends.get(name)!.promise;
    });
  };
  const [a, b, c, d] = ["a", "b", "c", "d"].map(add);
  assert.deepEqual(begun, ["a", "b"]);
  assert.equal(queue.takeOut("c"), true);
  assert.equal(queue.takeOut("a"), false);
  assert.equal(await c, false);
  ends.get("a")!.reject(new Error("no"));
  await assert.rejects(a!, /no/);
  assert.deepEqual(begun, ["a", "b", "d"]);
  ends.get("b")!.resolve();
  ends.get("d")!.resolve();
  assert.deepEqual(await Promise.all([b, d]), [true, true]);
});
