import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { pino } from "pino";
import { LoadProgress, type LoadStep } from "../../../server/model/load-progress.ts";
import { loadBar, loadLines } from "../../../server/model/load-view.ts";
import { fakeInference, startApp } from "../../support/fake-inference.ts";
import { send } from "../../support/server.ts";

function sink() {
  let text = "";
  const stream = new Writable({
    write(piece, _encoding, done) {
      text += piece;
      done();
    },
  });
  return { stream, text: () => text };
}

test("a step is of one phase, and says nothing that is not known", () => {
  const progress = new LoadProgress();
  const steps: LoadStep[] = [];
  progress.onStep((step) => steps.push(step));
  assert.deepEqual(progress.step, { phase: "loading", share: undefined });
  progress.downloaded(10, 0);
  progress.downloaded(10, 40);
  progress.loaded(0.5);
  progress.loaded(1);
  assert.deepEqual(steps, [
    { phase: "downloading", share: undefined, doneBytes: 10 },
    { phase: "downloading", share: 0.25, doneBytes: 10, totalBytes: 40 },
    { phase: "loading", share: 0.5 },
    { phase: "preparing", share: undefined },
  ]);
  assert.equal(progress.step, steps[3]);
});

test("a log has a line for each tenth that took its time, and none for what is over at once", () => {
  const { stream, text } = sink();
  let now = 0;
  const view = loadLines(pino({ base: null, timestamp: false }, stream), () => now);
  view.show({ phase: "downloading", share: 0.1, doneBytes: 1, totalBytes: 10 });
  now = 1_000;
  view.show({ phase: "downloading", share: 0.31, doneBytes: 3, totalBytes: 10 });
  now = 2_000;
  view.show({ phase: "downloading", share: 0.39, doneBytes: 3, totalBytes: 10 });
  view.show({ phase: "downloading", share: undefined, doneBytes: 4 });
  now = 3_000;
  view.show({ phase: "loading", share: 0.95 });
  view.show({ phase: "preparing", share: undefined });
  view.stop();
  assert.deepEqual(
    text()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .map(({ level: _, ...line }) => line),
    [
      { percent: 30, done_bytes: 3, total_bytes: 10, msg: "downloading the model" },
      { done_bytes: 4, msg: "downloading the model" },
      { percent: 90, msg: "loading the model" },
      { msg: "preparing the model" },
    ],
  );
});

test("a terminal has a bar for each phase, with bytes where there are any", () => {
  const { stream, text } = sink();
  const terminal = Object.assign(stream, {
    isTTY: true,
    columns: 100,
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
  }) as unknown as NodeJS.WriteStream;
  const view = loadBar(terminal);
  view.show({ phase: "downloading", share: 0.25, doneBytes: 2_500_000, totalBytes: 10_000_000 });
  view.show({ phase: "loading", share: 0.5 });
  view.show({ phase: "preparing", share: undefined });
  view.stop();
  const shown = stripVTControlCharacters(text());
  assert.match(shown, /downloading █{6}░{18} 25% \| 2\.5 of 10\.0 MB/);
  assert.match(shown, /loading █{12}░{12} 50%/);
  assert.doesNotMatch(shown, /preparing/);
});

const states: [string, (progress: LoadProgress) => void, object, string, string][] = [
  [
    "before anything is known",
    () => {},
    { phase: "loading", progress: null },
    "1",
    "The model is still loading.",
  ],
  [
    "while it downloads",
    (progress) => progress.downloaded(42, 100),
    { phase: "downloading", progress: 0.42 },
    "5",
    "The model is still being downloaded: 42 %.",
  ],
  [
    "while a download of unknown length goes on",
    (progress) => progress.downloaded(42, 0),
    { phase: "downloading", progress: null },
    "5",
    "The model is still being downloaded.",
  ],
  [
    "while it loads",
    (progress) => progress.loaded(0.999),
    { phase: "loading", progress: 0.999 },
    "1",
    "The model is still loading: 99 %.",
  ],
  [
    "once its weights are there",
    (progress) => progress.loaded(1),
    { phase: "preparing", progress: null },
    "1",
    "The model is about to be ready.",
  ],
];
for (const [when, advance, expected, retryAfter, sentence] of states) {
  test(`${when}, health, readiness and refusals say how far it is`, async () => {
    const progress = new LoadProgress();
    advance(progress);
    const loading = Promise.withResolvers<ReturnType<typeof fakeInference>>();
    const app = await startApp(loading.promise, { progress, wait: false });
    const health = await send(`${app.url}/health`);
    const { phase, progress: share } = health.json;
    assert.deepEqual([health.status, { phase, progress: share }], [503, expected]);
    const ready = await send(`${app.url}/health/ready`);
    assert.deepEqual([ready.status, ready.json], [503, { status: "loading", ...expected }]);
    assert.equal(ready.headers["retry-after"], retryAfter);
    const refused = await send(`${app.url}/inference`, { body: { prompt: "Hello" } });
    const { code, message, details, ...rest } = refused.json.error;
    assert.deepEqual([refused.status, code, message, details], [503, "MODEL_NOT_READY", sentence, []]);
    assert.deepEqual([rest, refused.headers["retry-after"]], [expected, retryAfter]);
    loading.resolve(fakeInference());
    await loading.promise;
    assert.equal((await send(`${app.url}/health/ready`)).status, 200);
    const well = (await send(`${app.url}/health`)).json;
    assert.deepEqual([well.phase, well.progress, well.model_error], [null, null, null]);
    await app.close();
  });
}

test("a model that failed is not worth asking for again, and health says why", async () => {
  const app = await startApp(Promise.reject(new Error("no such tensor")));
  const ready = await send(`${app.url}/health/ready`);
  assert.deepEqual([ready.status, ready.headers["retry-after"]], [503, undefined]);
  assert.equal((await send(`${app.url}/health`)).json.model_error, "no such tensor");
  await app.close();
});
