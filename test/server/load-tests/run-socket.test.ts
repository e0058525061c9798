import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { WebSocket } from "ws";
import type { RunEvent, RunProgress, Runs } from "../../../server/load-tests/runs/run-request.ts";
import type { MeasuredRun, RunStore } from "../../../server/store/run-store.ts";
import { withRunApi } from "../../support/run-api.ts";
import { send } from "../../support/server.ts";

for (const path of ["/api/v1/benchmark/ws/run", "/ws/benchmark"]) {
  test(`[A-11] [A-61] [A-62] [A-63] [A-64] [A-66] [A-89] ${path} tells how a run goes, and how it ended`, () =>
    withRunApi({ ttftMs: 5 }, async ({ url, runs, request }) => {
      const { runId } = await runs.start(request({ concurrency: [1, 2], requests: 20 }));
      const watcher = await watch(`${url}${path}/${runId}`);
      const ended = await runs.ended(runId);
      await watcher.until((message) => message.type !== "progress");
      const last = watcher.messages.pop()!;
      assert.deepEqual([last.type, last.run_id, last.status], ["completed", runId, "completed"]);
      assert.equal(typeof last.summary, "object");
      for (const { type, run_id, status, progress, concurrency, overall_percent } of watcher.messages) {
        assert.deepEqual([type, run_id], ["progress", runId]);
        assert.match(status, /^(pending|running)$/);
        assert.equal(progress.total, 20);
        assert.equal(progress.percent, Math.round((progress.current / progress.total) * 1000) / 10);
        assert.deepEqual(concurrency, { level: concurrency.index + 1, index: concurrency.index, total: 2 });
        assert.ok(overall_percent >= concurrency.index * 50 && overall_percent <= 100);
      }
      const final = watcher.messages.at(-1)!;
      const { metrics } = ended!.result!.levels[1]!;
      assert.equal(final.concurrency.index, 1);
      assert.deepEqual(final.progress, { current: 20, total: 20, percent: 100 });
      assert.ok(Math.abs(final.metrics.ttft_avg - metrics.ttft!.mean) < 0.01);
      assert.ok(Math.abs(final.metrics.throughput_current - metrics.output_throughput!) < 0.01);
      assert.equal(final.metrics.success_count, 20);
      assert.equal(final.metrics.error_count, 0);
      watcher.close();
    }));
}

test("[A-296] who comes late is told at once how a run is, or how it ended", () =>
  withRunApi({ ttftMs: 5 }, async ({ url, runs, request }) => {
    const at = (id: string) => `${url}/api/v1/benchmark/ws/run/${id}`;
    const going = await runs.start(request({ requests: 100_000 }));
    const waiting = await runs.start(request());
    const first = await watch(at(going.runId));
    await first.until(({ progress }) => progress?.current > 0);
    const late = await watch(at(going.runId));
    const [snapshot] = await late.until(() => true);
    assert.equal(snapshot?.status, "running");
    assert.ok(snapshot.progress.current > 0);
    const early = await watch(at(waiting.runId));
    const [beforehand] = await early.until(() => true);
    assert.equal(beforehand?.status, "pending");
    assert.deepEqual(beforehand.progress, { current: 0, total: 5, percent: 0 });
    assert.equal(beforehand.metrics.ttft_avg, null, "not measured is not 0");

    await runs.stop(going.runId);
    await runs.ended(waiting.runId);
    const failing = await runs.start(request({ url: "http://127.0.0.1:1" }));
    await runs.ended(failing.runId);
    for (const [runId, type] of [
      [going.runId, "cancelled"],
      [waiting.runId, "completed"],
      [failing.runId, "failed"],
    ] as const) {
      const watcher = await watch(at(runId));
      const [message] = await watcher.until(() => true);
      assert.deepEqual([message?.type, message?.status], [type, type]);
      if (type === "failed") assert.match(message?.error.message, /^Cannot reach/);
      watcher.close();
    }
    await late.until(({ type }) => type === "cancelled");
    await early.until(({ type }) => type === "completed");
  }));

test("a run that nobody knows closes the socket with 4404, and another path is refused", () =>
  withRunApi({}, async ({ url }) => {
    for (const id of ["nobody", "%00", "..%2f..", "x".repeat(500)]) {
      const socket = new WebSocket(`${url}/ws/benchmark/${id}`);
      const [code] = await once(socket, "close");
      assert.equal(code, 4404, id);
    }
    for (const path of ["/ws", "/ws/benchmark/", "/api/v1/benchmark/ws/stats", "/"]) {
      const [error] = await once(new WebSocket(`${url}${path}`), "error");
      assert.match(error.message, /404/, path);
    }
  }));

test('"ping" is answered with "pong", and a watcher who says too much is let go', () =>
  withEvents(async ({ url }) => {
    const socket = new WebSocket(`${url}/ws/benchmark/run`);
    await once(socket, "message");
    socket.send("ping");
    const [pong, isBinary] = await once(socket, "message");
    assert.deepEqual([String(pong), isBinary], ["pong", false]);
    socket.send("x".repeat(2_000));
    const [code] = await once(socket, "close");
    assert.equal(code, 1009);
  }));

test("[A-12] those who watch are counted, by run", () =>
  withEvents(async ({ url }) => {
    const stats = async () => (await send(`${url}/api/v1/benchmark/ws/stats`)).json;
    assert.deepEqual(await stats(), { connections: {}, total: 0 });
    const [one, two] = [await watch(`${url}/ws/benchmark/run`), await watch(`${url}/ws/benchmark/run`)];
    await Promise.all([one.until(() => true), two.until(() => true)]);
    assert.deepEqual(await stats(), { connections: { run: 2 }, total: 2 });
    one.close();
    two.close();
    await Promise.all([one.closed, two.closed]);
    assert.deepEqual(await stats(), { connections: {}, total: 0 });
  }));

const pages = [
  { why: "any page may when all may", origins: ["*"], origin: "https://evil.example", may: true },
  {
    why: "a page that is listed may",
    origins: ["https://mine.example"],
    origin: "https://mine.example",
    may: true,
  },
  {
    why: "a page that is not may not",
    origins: ["https://mine.example"],
    origin: "https://evil.example",
    may: false,
  },
  { why: "the server's own pages always may", origins: [], origin: "own", may: true },
  { why: "a program is no page", origins: [], origin: undefined, may: true },
  { why: "what is no origin is none of ours", origins: [], origin: "null", may: false },
];
for (const { why, origins, origin, may } of pages) {
  test(`of whose page may watch: ${why}`, () =>
    withEvents(
      async ({ url }) => {
        const from = origin === "own" ? url : origin;
        const socket = new WebSocket(`${url}/ws/benchmark/run`, from === undefined ? {} : { origin: from });
        if (may) await once(socket, "message");
        else assert.match((await once(socket, "error"))[0].message, /403/);
        socket.terminate();
      },
      { origins },
    ));
}

test("a watcher who is no longer there is let go", () =>
  withEvents(
    async ({ url }) => {
      const silent = new WebSocket(`${url}/ws/benchmark/run`, { autoPong: false });
      const lively = await watch(`${url}/ws/benchmark/run`);
      await once(silent, "close");
      assert.equal(lively.socket.readyState, WebSocket.OPEN);
      lively.close();
    },
    { heartbeatMs: 50 },
  ));

test("news is written once for all who watch", () =>
  withEvents(async ({ url, tell }) => {
    const watchers = await Promise.all(Array.from({ length: 200 }, () => watch(`${url}/ws/benchmark/run`)));
    await Promise.all(watchers.map((watcher) => watcher.until(() => true)));
    let reads = 0;
    const progress = {
      ...someProgress(7),
      get current() {
        reads++;
        return 7;
      },
    };
    tell({ kind: "progress", progress });
    await Promise.all(watchers.map((watcher) => watcher.until((message) => message.progress?.current === 7)));
    assert.equal(reads, 1);
    for (const watcher of watchers) watcher.close();
  }));

test("a watcher who reads too slowly misses progress, never the end", () =>
  withEvents(async ({ url, tell, end }) => {
    const slow = await watch(`${url}/ws/benchmark/run`);
    await slow.until(() => true);
    slow.socket.pause();
    const sent = 60_000;
    for (let i = 1; i <= sent; i++) tell({ kind: "progress", progress: someProgress(i) });
    end();
    slow.socket.resume();
    await slow.until(({ type }) => type === "completed");
    assert.ok(slow.messages.length < sent, `${slow.messages.length} of ${sent} messages were kept for it`);
    assert.equal(slow.messages.filter(({ type }) => type === "completed").length, 1);
    slow.close();
  }));

test("steps of a validation are passed on", () =>
  withEvents(async ({ url, tell }) => {
    const watcher = await watch(`${url}/ws/benchmark/run`);
    await watcher.until(() => true);
    tell({ kind: "validation", step: "prometheus", message: "Reading.", status: "running" });
    await watcher.until(({ type }) => type === "validation_log");
    const { timestamp, ...step } = watcher.messages.at(-1)!.validation_log;
    assert.deepEqual(step, { step: "prometheus", message: "Reading.", status: "running" });
    assert.match(timestamp, /^\d{4}-\d\d-\d\dT.*Z$/);
    watcher.close();
  }));

test("a server that is shut down says so to those who watch", () =>
  withEvents(async ({ url, socket }) => {
    const watcher = await watch(`${url}/ws/benchmark/run`);
    await watcher.until(() => true);
    socket.close();
    assert.equal(await watcher.closed, 1001);
  }));

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever messages came.
type Message = any;

interface Watcher {
  readonly socket: WebSocket;
  readonly messages: Message[];
  /** The code it was closed with. */
  readonly closed: Promise<number>;
  /** Resolves with all messages once there is one like that. */
  until(holds: (message: Message) => boolean): Promise<Message[]>;
  close(): void;
}

async function watch(url: string): Promise<Watcher> {
  const socket = new WebSocket(url);
  const messages: Message[] = [];
  let look = () => {};
  socket.on("message", (data) => {
    messages.push(JSON.parse(String(data)));
    look();
  });
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  await once(socket, "open");
  return {
    socket,
    messages,
    closed,
    until: (holds) =>
      new Promise((resolve, reject) => {
        look = () => messages.some(holds) && resolve(messages);
        look();
        void closed.then((code) => reject(new Error(`closed with ${code}`)));
      }),
    close: () => socket.close(),
  };
}

/** Sockets on a run named "run" whose news the test tells itself. */
function withEvents(
  work: (api: {
    url: string;
    socket: { close(): void };
    tell: (event: RunEvent) => void;
    end: () => void;
  }) => Promise<void>,
  options: { origins?: readonly string[]; heartbeatMs?: number } = {},
): Promise<void> {
  const listeners = new Set<(event: RunEvent) => void>();
  const tell = (event: RunEvent) => {
    for (const listener of listeners) listener(event);
  };
  const run = { runId: "run", status: "running", result: undefined } as MeasuredRun;
  const runs = {
    progress: () => someProgress(0),
    subscribe(_: string, listener: (event: RunEvent) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as Partial<Runs> as Runs;
  const store = {
    find: async (id: string) => (id === "run" ? run : undefined),
  } as Partial<RunStore> as RunStore;
  return withRunApi(
    {},
    ({ url, socket }) =>
      work({ url, socket, tell, end: () => tell({ kind: "ended", run: { ...run, status: "completed" } }) }),
    { runs, store, ...options },
  );
}

function someProgress(current: number): RunProgress {
  return {
    current,
    total: 100,
    percent: current,
    level: 1,
    levelIndex: 0,
    levels: 1,
    overallPercent: current,
    metrics: { completed: current, failed: 0 },
    at: "2026-01-01T00:00:00.000Z",
  };
}
