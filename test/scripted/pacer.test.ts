import assert from "node:assert/strict";
import { test } from "node:test";
import { Pacer } from "../../src/scripted/pacer.ts";

/** The order in which items with these deadlines come, and by how much each was early. */
async function pace(
  pacer: Pacer,
  offsets: readonly number[],
): Promise<{ order: readonly number[]; early: readonly number[] }> {
  const start = pacer.now();
  const order: number[] = [];
  const early: number[] = [];
  await new Promise<void>((resolve) => {
    for (const offset of offsets) {
      const dueMs = start + offset;
      pacer.add({
        dueMs,
        step() {
          order.push(offset);
          early.push(dueMs - pacer.now());
          if (order.length === offsets.length) resolve();
          return false;
        },
      });
    }
  });
  return { order, early };
}

test("each comes at its deadline, never before it, in the order of deadlines", async () => {
  const offsets = [9, 3, 7.5, 0, 4, 3.5, 12, 1, 8, 2];
  const { order, early } = await pace(new Pacer(), offsets);
  assert.deepEqual(
    order,
    offsets.toSorted((a, b) => a - b),
  );
  assert.ok(
    early.every((ms) => ms <= 0),
    `early by ${early}`,
  );
});

test("what is due again comes again, after the others had their turn", async () => {
  const pacer = new Pacer();
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    for (const name of ["a", "b"]) {
      let left = 3;
      pacer.add({
        dueMs: pacer.now(),
        step() {
          order.push(name);
          left--;
          if (order.length === 6) resolve();
          return left > 0;
        },
      });
    }
  });
  assert.equal(order.slice(0, 2).toSorted().join(""), "ab");
  assert.equal(order.slice(2, 4).toSorted().join(""), "ab");
});

test("while it is stalled nothing comes, and its clock stands still", async () => {
  const pacer = new Pacer();
  pacer.stall(0, 30);
  assert.ok(pacer.stalled);
  const clock = pacer.now();
  const before = performance.now();
  await pace(pacer, [2]);
  assert.ok(performance.now() - before >= 30);
  assert.ok(pacer.now() - clock < performance.now() - before - 29);
});

test("stopped, it forgets what was due, and keeps no process alive", () => {
  const pacer = new Pacer();
  pacer.add({ dueMs: pacer.now() + 1e7, step: () => assert.fail("it was stopped") });
  pacer.stop();
});
