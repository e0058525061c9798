/**
 * The part of GitHub's API that the Action speaks to, over real HTTP and with GitHub's own rules: pages
 * with `Link`, bodies that are too long, tokens that may not write, and apps that have no `GET /user`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeComment {
  readonly id: number;
  readonly login: string;
  body: string;
}

export interface FakeGitHub {
  /** For `GITHUB_API_URL`. */
  readonly apiUrl: string;
  readonly comments: FakeComment[];
  /** "POST /repos/acme/chat/issues/7/comments 201", in order. */
  readonly calls: string[];
  addComment(login: string, body: string): FakeComment;
  close(): Promise<void>;
}

export interface FakeGitHubOptions {
  /** Who the token writes as. */
  readonly identity?: string;
  /** Everything that writes is refused, as for a fork. */
  readonly readOnly?: boolean;
  /** Takes every call and never answers. */
  readonly silent?: boolean;
  /** "/api/v3" as on GitHub Enterprise. */
  readonly basePath?: string;
}

const MAX_BODY_CHARS = 65_536;
const REFUSED = { message: "Resource not accessible by integration", status: "403" };

export async function startFakeGitHub(options: FakeGitHubOptions = {}): Promise<FakeGitHub> {
  const { identity = "github-actions[bot]", readOnly = false, silent = false, basePath = "" } = options;
  const comments: FakeComment[] = [];
  const calls: string[] = [];
  let lastId = 1000;

  const addComment = (login: string, body: string): FakeComment => {
    const comment = { id: ++lastId, login, body };
    comments.push(comment);
    return comment;
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", origin());
    const text = await readBody(request);
    const answer = silent ? undefined : route(request, url, text);
    calls.push(`${request.method} ${url.pathname} ${answer?.status ?? "–"}`);
    if (answer !== undefined) send(response, answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

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
    if (method !== "GET" && readOnly) return { status: 403, json: REFUSED };
    if (/^\/repos\/[^/]+\/[^/]+\/issues\/\d+\/comments$/.test(path)) {
      return method === "POST" ? create(text) : list(url);
    }
    const id = /^\/repos\/[^/]+\/[^/]+\/issues\/comments\/(\d+)$/.exec(path)?.[1];
    const comment = comments.find((candidate) => String(candidate.id) === id);
    if (comment === undefined) return { status: 404, json: { message: "Not Found" } };
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
      ...(page * size < comments.length && { link: `<${next}>; rel="next"` }),
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

  return {
    apiUrl: origin() + basePath,
    comments,
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
  readonly link?: string;
}

function shown({ id, login, body }: FakeComment) {
  return { id, body, user: { login }, html_url: `https://github.test/comments/${id}` };
}

function refusedBody(body: string): Answer | undefined {
  if (body.length <= MAX_BODY_CHARS) return undefined;
  return {
    status: 422,
    json: {
      message: "Validation Failed",
      errors: [{ message: "body is too long (maximum is 65536 characters)" }],
    },
  };
}

function send(response: ServerResponse, { status, json, link }: Answer): void {
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    ...(link !== undefined && { link }),
  });
  response.end(JSON.stringify(json));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
