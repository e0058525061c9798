import assert from "node:assert/strict";
import { test } from "node:test";
import { StopStrings } from "../../../server/inference/stop-strings.ts";

function read(stops: string[], pieces: string[]): { text: string; stopped: boolean } {
  const stream = new StopStrings(stops);
  let text = "";
  for (const piece of pieces) {
    const step = stream.push(piece);
    text += step.text;
    if (step.stopped) return { text, stopped: true };
  }
  return { text: text + stream.flush(), stopped: false };
}

test("without stop strings every piece passes at once", () => {
  assert.deepEqual(new StopStrings([]).push("abc"), { text: "abc", stopped: false });
});

test("the text ends before the stop string however it is cut into pieces", () => {
  const text = "one two END three";
  for (let first = 0; first <= text.length; first++) {
    for (let second = first; second <= text.length; second++) {
      const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)];
      assert.deepEqual(read(["END"], pieces), { text: "one two ", stopped: true }, JSON.stringify(pieces));
    }
  }
});

test("of several stop strings the one that comes first counts", () => {
  assert.deepEqual(read(["three", "two"], ["one two three"]), { text: "one ", stopped: true });
});

test("what only looked like a stop string is given out", () => {
  assert.deepEqual(read(["END"], ["the E", "N", "Ds are EN"]), { text: "the ", stopped: true });
  assert.deepEqual(read(["END"], ["the E", "Nough EN"]), { text: "the ENough EN", stopped: false });
});
