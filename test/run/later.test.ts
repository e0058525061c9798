import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { later } from "../../src/run/later.ts";
import { Prepared } from "../../src/run/prepared.ts";
import { FakeClock } from "../support/fake-clock.ts";

const MS = 1e6;

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** Time that also passes while something is done. */
class WorkingClock extends FakeClock {
  spentNs = 0;

  override now(): number {
    return super.now() + this.spentNs;
  }

  override alarm(atNs: number, callback: () => void): () => void {
    return super.alarm(atNs - this.spentNs, callback);
  }
}

test("what piled up is passed on in its order, a few things in each turn", async () => {
  const clock = new WorkingClock();
  const taken: number[] = [];
  const records = later(clock, (thing: number) => {
    taken.push(thing);
    clock.spentNs += 0.06 * MS;
  });
  for (let i = 0; i < 6; i++) records.add(i);
  assert.deepEqual(taken, [], "not while answers come");
  await clock.advanceTo(1 * MS);
  assert.deepEqual(taken, [0, 1]);
  await clock.advanceTo(3 * MS);
  records.add(6);
  await clock.advanceTo(10 * MS);
  assert.deepEqual(taken, [0, 1, 2, 3, 4, 5, 6]);
});

test("a busy loop puts it off, though not for ever, and no more than some hundreds wait", async () => {
  const clock = new WorkingClock();
  let taken = 0;
  const records = later(clock, () => {
    taken++;
    clock.spentNs += 1 * MS;
  });
  for (let i = 0; i < 640; i++) records.add(i);
  let turns = 0;
  for (; taken === 0; turns++) {
    clock.spentNs += 5 * MS;
    await clock.advanceTo((turns + 1) * MS);
  }
  assert.equal(turns, 11);
  assert.equal(taken, 640 - 512);
});

test("what was taken is held no longer, though there is always more to take", async () => {
  const clock = new WorkingClock();
  const gone: WeakRef<object>[] = [];
  const records = later(clock, () => {
    clock.spentNs += 0.06 * MS;
  });
  for (let ms = 1; ms <= 400; ms++) {
    for (let i = 0; i < 3; i++) {
      const record = { ms };
      gone.push(new WeakRef(record));
      records.add(record);
    }
    await clock.advanceTo(ms * MS);
  }
  collectGarbage();
  const held = gone.filter((record) => record.deref() !== undefined).length;
  assert.ok(held >= 300 && held < 900, `${held} of ${gone.length}`);
});

test("at the end all that is left is passed on at once", () => {
  const clock = new WorkingClock();
  const taken: string[] = [];
  const records = later(clock, (thing: string) => {
    taken.push(thing);
    clock.spentNs += 10 * MS;
  });
  for (const thing of ["a", "b", "c"]) records.add(thing);
  records.flush();
  assert.deepEqual(taken, ["a", "b", "c"]);
  records.flush();
  assert.equal(taken.length, 3);
});

test("what was made ahead is not made again, what was not is made when it is wanted, and long things are few", async () => {
  const clock = new FakeClock();
  const made: number[] = [];
  const prepared = new Prepared(clock, (index) => {
    made.push(index);
    return { index, body: "x".repeat(index < 10 ? 10 : 3_000_000) };
  });
  prepared.makeSoon(1);
  prepared.makeNow(2);
  await clock.advanceTo(1 * MS);
  assert.deepEqual(made, [2, 1]);
  assert.deepEqual([prepared.take(1).index, prepared.take(2).index, prepared.take(3).index], [1, 2, 3]);
  assert.deepEqual(made, [2, 1, 3]);
  for (const index of [10, 11, 12, 13]) prepared.makeNow(index);
  assert.deepEqual(made.slice(3), [10, 11], "until they are four million characters");
  assert.equal(prepared.take(12).index, 12);
  prepared.take(10);
  prepared.makeNow(13);
  assert.deepEqual(made.slice(5), [12, 13]);
});

test("what was wanted before there was time to make it is made once", async () => {
  const clock = new FakeClock();
  const made: number[] = [];
  const prepared = new Prepared(clock, (index) => {
    made.push(index);
    return { index, body: "" };
  });
  for (const index of [1, 2]) prepared.makeSoon(index);
  prepared.take(1);
  await clock.advanceTo(1 * MS);
  assert.deepEqual(made, [1, 2]);
});
