/**
 * The part of GitHub's API that the Action speaks to, over real HTTP and with GitHub's own rules: pages
 * with `Link`, bodies that are too long, tokens that may not write, apps that have no `GET /user`, answers
 * that take their time, and calls that fail before or after they were carried out.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { random } from "../../src/random.ts";

export interface FakeComment {
  readonly id: number;
  readonly login: string;
  body: string;
  /** Hidden by a person. */
  minimized?: boolean;
}

/** What was sent last, as the API shows it. */
export interface FakeCheck {
  readonly id: number;
  readonly name: string;
  readonly head_sha: string;
  readonly external_id?: string;
  readonly status: string;
  readonly conclusion?: string;
  readonly output?: {
    readonly title: string;
    readonly summary: string;
    readonly annotations?: readonly { path: string; annotation_level: string; message: string }[];
  };
}

export interface FakePull {
  readonly number: number;
  /** "owner:branch". */
  readonly label: string;
  readonly sha: string;
  /** Undefined once the fork is deleted. */
  readonly fullName?: string;
  readonly state?: "open" | "closed";
}

export interface FakeGitHub {
  /** For `GITHUB_API_URL`. */
  readonly apiUrl: string;
  readonly comments: FakeComment[];
  readonly checks: FakeCheck[];
  /** "POST /repos/acme/chat/issues/7/comments 201", in order. */
  readonly calls: string[];
  addComment(login: string, body: string): FakeComment;
  close(): Promise<void>;
}

/** What happens to a call instead of its answer, or to its answer. */
export interface Fault {
  readonly status?: number;
  readonly message?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** GitHub carries the call out all the same. */
  readonly applied?: boolean;
  /** The connection breaks in place of an answer. */
  readonly reset?: boolean;
}

export interface FakeGitHubOptions {
  /** Who the token writes as. */
  readonly identity?: string;
  /** Everything that writes is refused, as for a fork. */
  readonly readOnly?: boolean;
  /** Check runs are refused, as without the permission. */
  readonly noChecks?: boolean;
  /** Takes every call and never answers. */
  readonly silent?: boolean;
  /** "/api/v3" as on GitHub Enterprise. */
  readonly basePath?: string;
  /** How long a call is under way before and after it is carried out, each drawn anew. */
  readonly latency?: { readonly seed: number; readonly leastMs: number; readonly mostMs: number };
  /** @param call "POST /repos/acme/chat/issues/7/comments"; @param number from 1. */
  readonly fault?: (call: string, number: number) => Fault | undefined;
  readonly pulls?: readonly FakePull[];
}

export const SECONDARY_LIMIT: Fault = {
  status: 403,
  message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
};

const MAX_BODY_CHARS = 65_536;
const MAX_SUMMARY_BYTES = 65_535;
const MAX_ANNOTATIONS = 50;
const REFUSED = { message: "Resource not accessible by integration", status: "403" };

export async function startFakeGitHub(options: FakeGitHubOptions = {}): Promise<FakeGitHub> {
  const { identity = "github-actions[bot]", readOnly = false, silent = false, basePath = "" } = options;
  const comments: FakeComment[] = [];
  const checks: FakeCheck[] = [];
  const calls: string[] = [];
  const draws = random(options.latency?.seed ?? 0, "latency");
  let lastId = 1000;
  let arrived = 0;

  const addComment = (login: string, body: string): FakeComment => {
    const comment = { id: ++lastId, login, body };
    comments.push(comment);
    return comment;
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", origin());
    const text = await readBody(request);
    const call = `${request.method} ${url.pathname}`;
    const fault = options.fault?.(call, ++arrived);
    await pass();
    const carriedOut = fault === undefined || fault.applied;
    const real = silent || !carriedOut ? undefined : route(request, url, text);
    const answer = fault === undefined ? real : faulty(fault);
    calls.push(`${call} ${fault?.reset ? "reset" : (answer?.status ?? "–")}`);
    await pass();
    if (fault?.reset) request.socket.resetAndDestroy();
    else if (answer !== undefined) send(response, answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  async function pass(): Promise<void> {
    if (options.latency === undefined) return;
    const { leastMs, mostMs } = options.latency;
    await sleep(leastMs + draws.uniform() * (mostMs - leastMs));
  }

  function origin(): string {
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  function route(request: IncomingMessage, url: URL, text: string): Answer {
    if (!request.headers.authorization) return { status: 401, json: { message: "Requires authentication" } };
    const graphqlPath = basePath.replace(/\/v3$/, "");
    const method = request.method ?? "GET";
    if (method === "POST" && url.pathname === `${graphqlPath}/graphql`) {
      return { status: 200, json: { data: { viewer: { login: identity } } } };
    }
    const path = url.pathname.startsWith(basePath) ? url.pathname.slice(basePath.length) : "";
    if (method === "GET" && path === "/user") {
      return identity.endsWith("[bot]")
        ? { status: 403, json: REFUSED }
        : { status: 200, json: { login: identity } };
    }
    const within = /^\/repos\/[^/]+\/[^/]+(\/.*)$/.exec(path)?.[1] ?? "";
    if (method !== "GET" && readOnly) return { status: 403, json: REFUSED };
    if (/check-runs/.test(within)) {
      return options.noChecks ? { status: 403, json: REFUSED } : checkRuns(method, within, url, text);
    }
    if (within.startsWith("/pulls")) return pulls(within, url);
    if (/^\/issues\/\d+\/comments$/.test(within)) return method === "POST" ? create(text) : list(url);
    const id = /^\/issues\/comments\/(\d+)$/.exec(within)?.[1];
    const comment = comments.find((candidate) => String(candidate.id) === id);
    if (comment === undefined) return NOT_FOUND;
    if (method === "DELETE") {
      comments.splice(comments.indexOf(comment), 1);
      return { status: 204, json: undefined };
    }
    return method === "PATCH" ? update(comment, text) : { status: 200, json: shown(comment) };
  }

  function list(url: URL): Answer {
    const size = Math.min(100, Number(url.searchParams.get("per_page") ?? 30));
    const page = Number(url.searchParams.get("page") ?? 1);
    const next = new URL(url);
    next.searchParams.set("page", String(page + 1));
    return {
      status: 200,
      json: comments.slice((page - 1) * size, page * size).map(shown),
      ...(page * size < comments.length && { headers: { link: `<${next}>; rel="next"` } }),
    };
  }

  function create(text: string): Answer {
    const body: string = JSON.parse(text).body;
    return refusedBody(body) ?? { status: 201, json: shown(addComment(identity, body)) };
  }

  function update(comment: FakeComment, text: string): Answer {
    const body: string = JSON.parse(text).body;
    const refused = refusedBody(body);
    if (refused !== undefined) return refused;
    comment.body = body;
    return { status: 200, json: shown(comment) };
  }

  function checkRuns(method: string, path: string, url: URL, text: string): Answer {
    const sha = /^\/commits\/([^/]+)\/check-runs$/.exec(path)?.[1];
    if (sha !== undefined) {
      const name = url.searchParams.get("check_name");
      const found = checks.filter((check) => check.head_sha === sha && (name ?? check.name) === check.name);
      return { status: 200, json: { total_count: found.length, check_runs: found.map(shownCheck) } };
    }
    const given: Partial<FakeCheck> = text === "" ? {} : JSON.parse(text);
    const refused = refusedCheck(given);
    if (refused !== undefined) return refused;
    if (method === "POST" && path === "/check-runs") {
      if (!given.name || !given.head_sha) return invalid("name and head_sha are needed");
      checks.push({ ...(given as FakeCheck), id: ++lastId });
      return { status: 201, json: shownCheck(checks.at(-1)!) };
    }
    const id = Number(/^\/check-runs\/(\d+)$/.exec(path)?.[1]);
    const index = checks.findIndex((check) => check.id === id);
    if (index === -1) return NOT_FOUND;
    if (method === "PATCH") checks[index] = { ...checks[index]!, ...given };
    return { status: 200, json: shownCheck(checks[index]!) };
  }

  function pulls(path: string, url: URL): Answer {
    const all = options.pulls ?? [];
    const number = Number(/^\/pulls\/(\d+)$/.exec(path)?.[1]);
    if (!Number.isNaN(number)) {
      const pull = all.find((candidate) => candidate.number === number);
      return pull === undefined ? NOT_FOUND : { status: 200, json: shownPull(pull) };
    }
    const state = url.searchParams.get("state") ?? "open";
    const head = url.searchParams.get("head");
    const found = all.filter(
      (pull) => (pull.state ?? "open") === state && (head === null || pull.label === head),
    );
    return { status: 200, json: found.map(shownPull) };
  }

  return {
    apiUrl: origin() + basePath,
    comments,
    checks,
    calls,
    addComment,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

interface Answer {
  readonly status: number;
  readonly json: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const NOT_FOUND: Answer = { status: 404, json: { message: "Not Found" } };

function shown({ id, login, body, minimized }: FakeComment) {
  return {
    id,
    body,
    user: { login },
    html_url: `https://github.test/comments/${id}`,
    minimized: minimized ? { reason: "outdated" } : null,
  };
}

function shownCheck(check: FakeCheck) {
  return { ...check, html_url: `https://github.test/runs/${check.id}` };
}

function shownPull({ number, sha, fullName, label }: FakePull) {
  return {
    number,
    head: { label, sha, repo: fullName === undefined ? null : { full_name: fullName } },
  };
}

function faulty({ status = 502, message = "Server Error", headers = {} }: Fault): Answer {
  return { status, json: { message }, headers };
}

function refusedBody(body: string): Answer | undefined {
  return body.length <= MAX_BODY_CHARS
    ? undefined
    : invalid("body is too long (maximum is 65536 characters)");
}

/** Its words say characters, its check counts bytes. */
function refusedCheck({ output, conclusion, status }: Partial<FakeCheck>): Answer | undefined {
  if (status === "completed" && conclusion === undefined) return invalid("conclusion is needed");
  if (output === undefined) return undefined;
  if (!output.title || !output.summary) return invalid("title and summary are needed");
  if (Buffer.byteLength(output.summary) > MAX_SUMMARY_BYTES) {
    return invalid("summary exceeds a maximum bytesize of 65535");
  }
  const annotations = output.annotations ?? [];
  if (annotations.length > MAX_ANNOTATIONS) return invalid("only 50 annotations are allowed");
  return annotations.every(({ path, message }) => path && message)
    ? undefined
    : invalid("an annotation needs a path and a message");
}

function invalid(message: string): Answer {
  return { status: 422, json: { message: "Validation Failed", errors: [{ message }] } };
}

function send(response: ServerResponse, { status, json, headers }: Answer): void {
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    date: new Date().toUTCString(),
    ...headers,
  });
  response.end(status === 204 ? undefined : JSON.stringify(json));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
