import assert from "node:assert/strict";
import { test } from "node:test";
import { closedLoop } from "../../src/schedule/closed-loop.ts";
import { openLoop } from "../../src/schedule/open-loop.ts";
import { FakeClock } from "../support/fake-clock.ts";

const never = new AbortController().signal;
const MS = 1e6;

test("an open loop sends at the planned moments though nothing returns", async () => {
  const clock = new FakeClock();
  const sent: number[] = [];
  const offsets = Float64Array.of(0, 5 * MS, 5 * MS, 30 * MS);
  void openLoop(clock, 100 * MS, offsets, Number.POSITIVE_INFINITY, never, () => {
    sent.push(clock.now());
    return new Promise(() => {});
  });
  await clock.advanceTo(110 * MS);
  assert.deepEqual(sent, [100 * MS, 105 * MS, 105 * MS]);
  await clock.advanceTo(200 * MS);
  assert.equal(sent[3], 130 * MS);
});

test("beyond the most in flight an arrival waits, and still counts from its planned moment", async () => {
  const clock = new FakeClock();
  const sent: { index: number; scheduled: number; held: number; at: number }[] = [];
  const answerAfter = (ms: number) => {
    const end = clock.now() + ms * MS;
    return new Promise<number>((resolve) => clock.alarm(end, () => resolve(end)));
  };
  const loop = openLoop(
    clock,
    0,
    Float64Array.of(0, 10 * MS, 20 * MS),
    1,
    never,
    (index, scheduled, held) => {
      sent.push({ index, scheduled, held, at: clock.now() });
      return answerAfter(50);
    },
  );
  await clock.advanceTo(1000 * MS);
  await loop;
  assert.deepEqual(sent, [
    { index: 0, scheduled: 0, held: 0, at: 0 },
    { index: 1, scheduled: 10 * MS, held: 40 * MS, at: 50 * MS },
    { index: 2, scheduled: 20 * MS, held: 80 * MS, at: 100 * MS },
  ]);
});

test("arrivals that fall due while another waits for the cap were held too, though a place is free by then", async () => {
  const clock = new FakeClock();
  const held: number[] = [];
  const ends = [100 * MS, 100 * MS];
  const loop = openLoop(
    clock,
    0,
    Float64Array.of(0, 0, 20 * MS, 30 * MS, 150 * MS),
    2,
    never,
    (index, _, ns) => {
      held.push(ns / MS);
      const end = ends[index] ?? clock.now();
      return clock.sleepUntil(end).then(() => end);
    },
  );
  await clock.advanceTo(1000 * MS);
  await loop;
  assert.deepEqual(held, [0, 0, 80, 70, 0]);
});

test("an arrival that we sent late was held only from the moment on at which the cap was reached", async () => {
  const clock = new FakeClock();
  const held: number[] = [];
  // Sending the first one keeps us from the second and third until 60 ms.
  const loop = openLoop(clock, 0, Float64Array.of(0, 10 * MS, 20 * MS), 2, never, (index, _, ns) => {
    held.push(ns / MS);
    if (index === 0) clock.moveTo(60 * MS);
    const end = 100 * MS;
    return clock.sleepUntil(end).then(() => end);
  });
  await clock.advanceTo(1000 * MS);
  await loop;
  assert.deepEqual(held, [0, 0, 40]);
});

test("an interrupted open loop sends nothing more", async () => {
  const clock = new FakeClock();
  const interrupt = new AbortController();
  let sent = 0;
  const loop = openLoop(
    clock,
    0,
    Float64Array.of(0, 10 * MS, 20 * MS),
    9,
    interrupt.signal,
    async () => sent++,
  );
  await clock.advanceTo(12 * MS);
  interrupt.abort();
  await loop;
  assert.equal(sent, 2);
});

test("a closed loop keeps exactly its concurrency in flight and counts from a slot's last end", async () => {
  const clock = new FakeClock();
  let next = 0;
  let inFlight = 0;
  let most = 0;
  const scheduled: number[] = [];
  const loop = closedLoop(
    clock,
    always(3),
    never,
    () => (next < 9 ? next++ : undefined),
    async (_index, at) => {
      scheduled.push(at);
      most = Math.max(most, ++inFlight);
      await clock.sleepUntil(clock.now() + 10 * MS);
      inFlight--;
      return clock.now();
    },
  );
  await clock.advanceTo(100 * MS);
  await loop;
  assert.equal(most, 3);
  assert.deepEqual(
    scheduled,
    [0, 0, 0, 10, 10, 10, 20, 20, 20].map((ms) => ms * MS),
  );
});

test("slots open and close when the plan says, and a user thinks before the next request", async () => {
  const clock = new FakeClock();
  const scheduled: number[] = [];
  let next = 0;
  const slots = [
    { startNs: 0, endNs: Number.POSITIVE_INFINITY },
    { startNs: 25 * MS, endNs: 60 * MS },
  ];
  const loop = closedLoop(
    clock,
    slots,
    never,
    (freeAt) => (freeAt < 100 * MS ? next++ : undefined),
    async (_index, at) => {
      scheduled.push(at / MS);
      await clock.sleepUntil(clock.now() + 10 * MS);
      return clock.now();
    },
    () => 20 * MS,
  );
  await clock.advanceTo(200 * MS);
  await loop;
  assert.deepEqual(scheduled, [0, 25, 30, 55, 60, 90]);
});

function always(slots: number) {
  return Array.from({ length: slots }, () => ({ startNs: 0, endNs: Number.POSITIVE_INFINITY }));
}
