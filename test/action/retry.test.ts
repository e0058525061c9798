/** What is tried again, how often, after how long, and what never is. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { connect, ONCE } from "../../action/github.ts";
import { failureOf, type Pace } from "../../action/retry.ts";
import { type Fault, SECONDARY_LIMIT, startFakeGitHub } from "../support/fake-github.ts";

const PULL = { owner: "acme", repo: "chat", issue_number: 7 };

/** Waits are noted and not waited for. */
function notedPace(): Pace & { waits: number[] } {
  const waits: number[] = [];
  return { waits, nowMs: () => 0, wait: async (ms) => void waits.push(ms), random: () => 0.5 };
}

/** The faults of the first calls, in order; what happens then; how often it was asked. */
async function outcome(
  faults: readonly Fault[],
  kind: "read" | "write" = "read",
  deadline = new AbortController().signal,
): Promise<{ status: number; calls: number; waits: number[] }> {
  const github = await startFakeGitHub({ fault: (_, number) => faults[number - 1] });
  process.env.GITHUB_API_URL = github.apiUrl;
  const pace = notedPace();
  const { issues } = connect("token", deadline, pace).rest;
  try {
    const { status } = await (kind === "read"
      ? issues.listComments(PULL)
      : issues.createComment({ ...PULL, body: "hello", ...ONCE })
    ).catch((thrown: { status: number }) => thrown);
    return { status, calls: github.calls.length, waits: pace.waits };
  } finally {
    await github.close();
  }
}

const limited = (headers: Record<string, string>): Fault => ({ ...SECONDARY_LIMIT, headers });
const inSeconds = (seconds: number) => String(Math.round(Date.now() / 1000) + seconds);

for (const [what, faults, kind, expected] of [
  [
    "a secondary limit that names no time",
    [SECONDARY_LIMIT, SECONDARY_LIMIT],
    "read",
    [200, 3, [2000, 8000]],
  ],
  ["a secondary limit that names one", [limited({ "retry-after": "3" })], "read", [200, 2, [3000]]],
  [
    "a secondary limit of a write, for nothing was written",
    [limited({ "retry-after": "0" })],
    "write",
    [201, 2, [0]],
  ],
  ["a 429", [{ status: 429, headers: { "retry-after": "1" } }], "read", [200, 2, [1000]]],
  ["a 429 that names no time", [{ status: 429 }], "write", [201, 2, [2000]]],
  ["a 502", [{ status: 502 }], "read", [200, 2, [500]]],
  ["a 503 and a 504", [{ status: 503 }, { status: 504 }], "read", [200, 3, [500, 2000]]],
  ["a broken connection", [{ reset: true }], "read", [200, 2, [500]]],
] as const) {
  test(`${what} is waited for`, async () => {
    const { status, calls, waits } = await outcome(faults, kind);
    assert.deepEqual([status, calls, waits], expected);
  });
}

for (const [what, faults, kind, expected] of [
  [
    "a missing permission",
    [{ status: 403, message: "Resource not accessible by integration" }],
    "read",
    [403, 1],
  ],
  ["a token that is not accepted", [{ status: 401 }], "read", [401, 1]],
  ["what is not there", [{ status: 404 }], "read", [404, 1]],
  ["a limit that lasts longer than anybody waits", [limited({ "retry-after": "60" })], "read", [403, 1]],
  ["a write that may have been carried out", [{ status: 502, applied: true }], "write", [502, 1]],
  ["a write whose connection broke", [{ reset: true }], "write", [500, 1]],
] as const) {
  test(`${what} is told at once`, async () => {
    const { status, calls, waits } = await outcome(faults, kind);
    assert.deepEqual([status, calls], expected);
    assert.deepEqual(waits, []);
  });
}

test("a GitHub that stays down is asked three times", async () => {
  const { status, calls, waits } = await outcome(Array(9).fill({ status: 503 }));
  assert.deepEqual([status, calls, waits], [503, 3, [500, 2000]]);
});

test("waiting ends after 15 s in all, also where each wait is short enough", async () => {
  const { status, calls, waits } = await outcome(Array(9).fill(limited({ "retry-after": "8" })));
  assert.deepEqual([status, calls, waits], [403, 2, [8000]]);
});

test("a primary limit is waited for until its reset, by GitHub's own clock", async () => {
  const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": inSeconds(5) };
  const { status, waits } = await outcome([{ status: 403, message: "API rate limit exceeded", headers }]);
  assert.equal(status, 200);
  assert.ok(waits[0]! >= 4_000 && waits[0]! <= 6_000, String(waits));
  const later = { ...headers, "x-ratelimit-reset": inSeconds(1800) };
  assert.deepEqual((await outcome([{ status: 403, headers: later }])).waits, []);
});

test("past the deadline nothing is tried again", async () => {
  const { calls, waits } = await outcome([{ status: 502 }], "read", AbortSignal.abort());
  assert.deepEqual([calls, waits], [0, []]);
});

test("a deadline while waiting ends the waiting, and the error told is GitHub's", async () => {
  const github = await startFakeGitHub({ fault: () => ({ status: 503 }) });
  process.env.GITHUB_API_URL = github.apiUrl;
  const deadline = new AbortController();
  const pace: Pace = {
    ...notedPace(),
    wait: async (_, signal) => {
      deadline.abort();
      signal.throwIfAborted();
    },
  };
  await assert.rejects(connect("token", deadline.signal, pace).rest.issues.listComments(PULL), {
    status: 503,
  });
  assert.equal(github.calls.length, 1);
  await github.close();
});

test("a host that nobody answers at is unclear, and a try that took too long final", async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  process.env.GITHUB_API_URL = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const thrown = await connect("token", new AbortController().signal, notedPace())
    .rest.issues.listComments(PULL)
    .catch((error: unknown) => error);
  server.close();
  assert.equal(failureOf(thrown), "unclear");
  assert.equal(failureOf(new DOMException("too long", "TimeoutError")), "final");
});

test("the way to GitHub Enterprise is below its own path", async () => {
  const github = await startFakeGitHub({ basePath: "/api/v3" });
  process.env.GITHUB_API_URL = github.apiUrl;
  const client = connect("token", new AbortController().signal, notedPace());
  await client.rest.issues.listComments(PULL);
  await client.graphql("query { viewer { login } }");
  await github.close();
  assert.deepEqual(github.calls, [
    "GET /api/v3/repos/acme/chat/issues/7/comments 200",
    "POST /api/graphql 200",
  ]);
});
