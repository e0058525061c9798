import assert from "node:assert/strict";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { dialectFor } from "../../src/scripted/dialects.ts";
import { Generation } from "../../src/scripted/generation.ts";
import type { Pace, Paced } from "../../src/scripted/pacer.ts";

/** An answer of `chunks` chunks that is paced by hand. */
function generation(chunks: number): { nowMs: number; item: Paced; log: string[] } {
  const log: string[] = [];
  const test = { nowMs: 1000, log };
  const pace: Pace = { now: () => test.nowMs, wall: () => test.nowMs, stalled: false, add() {} };
  const dialect = dialectFor("/v1/chat/completions", undefined)!;
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const answer = { model: "m", inputTokens: 1, outputTokens: chunks, text: "", usage: true, chunks };
  const item = new Generation(
    { ttftMs: 50, gapMs: 10 },
    pace,
    answer,
    dialect,
    Buffer.from("x"),
    undefined,
    response,
    {
      firstToken: (now) => log.push(`first ${now}`),
      chunk: (now) => log.push(`chunk ${now}`),
      over: (how) => log.push(how),
    },
  );
  return Object.assign(test, { item });
}

test("chunks are due at the first one plus their gaps, however late the ones before were", () => {
  const late = generation(4);
  const dues: number[] = [];
  for (const nowMs of [1050, 1064, 1079, 1095]) {
    dues.push(late.item.dueMs);
    late.nowMs = nowMs;
    late.item.step();
  }
  assert.deepEqual(dues, [1050, 1060, 1070, 1080]);
  assert.deepEqual(late.log, [
    "first 1050",
    "chunk 1050",
    "chunk 1064",
    "chunk 1079",
    "chunk 1095",
    "length",
  ]);
});

test("an answer is over with its last chunk", () => {
  const one = generation(1);
  one.nowMs = 1050;
  assert.equal(one.item.step(), false);
  assert.equal(one.log.at(-1), "length");
});
