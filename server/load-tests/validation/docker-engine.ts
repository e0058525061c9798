import { type IncomingMessage, request } from "node:http";

export interface Container {
  readonly id: string;
  readonly name: string;
  readonly ports: readonly { readonly private: number; readonly public?: number }[];
  /** On the engine's own networks. */
  readonly addresses: readonly string[];
}

/** What a Docker Engine is asked, over its socket: never anything that changes something. */
export interface DockerEngine {
  /** Those that run. */
  containers(): Promise<readonly Container[]>;
  container(name: string): Promise<Container>;
  /** Lines of both of its outputs, from a moment (ISO 8601) on. */
  logs(id: string, since: string): AsyncGenerator<string>;
}

/** One clause that can follow "because". */
export class DockerError extends Error {}

const TIMEOUT_MS = 30_000;
const MOST_JSON_BYTES = 8 * 1024 * 1024;
const MOST_LOG_BYTES = 512 * 1024 * 1024;
/** Engines write frames of 16 KiB. */
const MOST_FRAME_BYTES = 4 * 1024 * 1024;
/** Of a longer line this much is looked at. */
const MOST_LINE = 64 * 1024;

/** Where the engine listens: as DOCKER_HOST says, if that is a socket, or at the usual place. */
export function dockerSocketOf(dockerHost: string | undefined): string | undefined {
  if (!dockerHost) return "/var/run/docker.sock";
  return dockerHost.startsWith("unix://") ? dockerHost.slice("unix://".length) : undefined;
}

export function dockerEngine(socketPath: string): DockerEngine {
  const get = (path: string) => answerOf(socketPath, path);
  return {
    async containers() {
      const all = await jsonOf(await get("/containers/json"));
      return Array.isArray(all) ? all.map(listed) : [];
    },
    async container(name) {
      const answer = await get(`/containers/${encodeURIComponent(name)}/json`);
      if (answer.statusCode === 404) {
        answer.destroy();
        throw new DockerError(`there is no container ${JSON.stringify(name.slice(0, 100))}`);
      }
      const { Id, Name } = (await jsonOf(answer)) as { Id?: unknown; Name?: unknown };
      return { id: String(Id), name: plainName(Name), ports: [], addresses: [] };
    },
    async *logs(id, since) {
      const about = (await jsonOf(await get(`/containers/${encodeURIComponent(id)}/json`))) as {
        Config?: { Tty?: boolean };
      };
      const seconds = (Date.parse(since) / 1000).toFixed(3);
      const answer = await get(
        `/containers/${encodeURIComponent(id)}/logs?stdout=1&stderr=1&since=${seconds}`,
      );
      refuseFailure(answer);
      yield* linesOf(answer, about.Config?.Tty === true);
    },
  };
}

/** A terminal's output comes as it is; otherwise it comes in frames: one byte of which output, three of none, four of length. */
async function* linesOf(answer: IncomingMessage, isTerminal: boolean): AsyncGenerator<string> {
  const lines = { 0: new Lines(), 1: new Lines(), 2: new Lines() };
  let rest: Buffer = Buffer.alloc(0);
  let bytes = 0;
  for await (const piece of piecesOf(answer)) {
    bytes += piece.length;
    if (bytes > MOST_LOG_BYTES) throw new DockerError(`its log is larger than ${MOST_LOG_BYTES} bytes`);
    if (isTerminal) {
      yield* lines[0].push(piece);
      continue;
    }
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    while (rest.length >= 8) {
      const length = rest.readUInt32BE(4);
      if (rest[0]! > 2 || length > MOST_FRAME_BYTES)
        throw new DockerError("its log is in no form that is known");
      if (rest.length < 8 + length) break;
      yield* lines[rest[0] as 0 | 1 | 2].push(rest.subarray(8, 8 + length));
      rest = rest.subarray(8 + length);
    }
  }
  for (const one of Object.values(lines)) yield* one.end();
}

class Lines {
  readonly #decoder = new TextDecoder();
  #begun = "";

  *push(bytes: Uint8Array): Generator<string> {
    const all = (this.#begun + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#begun = (all.pop() ?? "").slice(0, MOST_LINE);
    yield* all;
  }

  *end(): Generator<string> {
    if (this.#begun !== "") yield this.#begun;
  }
}

interface ListedContainer {
  readonly Id?: unknown;
  readonly Names?: readonly unknown[];
  readonly Ports?: readonly { readonly PrivatePort?: number; readonly PublicPort?: number }[];
  readonly NetworkSettings?: {
    readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string } | null>>;
  };
}

function listed({ Id, Names, Ports, NetworkSettings }: ListedContainer): Container {
  return {
    id: String(Id),
    name: plainName(Names?.[0]),
    ports: (Ports ?? []).map(({ PrivatePort, PublicPort }) => ({
      private: PrivatePort ?? 0,
      ...(PublicPort !== undefined && { public: PublicPort }),
    })),
    addresses: Object.values(NetworkSettings?.Networks ?? {}).flatMap((one) => one?.IPAddress || []),
  };
}

/** The engine puts a slash before names. */
function plainName(name: unknown): string {
  return String(name ?? "")
    .replace(/^\//, "")
    .slice(0, 200);
}

function answerOf(socketPath: string, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    request({ socketPath, path, headers: { Host: "docker" }, agent: false, signal }, resolve)
      .once("error", (error: NodeJS.ErrnoException) => reject(unanswered(error)))
      .end();
  });
}

async function* piecesOf(answer: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const piece of answer) yield piece as Buffer;
  } catch (error) {
    throw unanswered(error as NodeJS.ErrnoException);
  }
}

async function jsonOf(answer: IncomingMessage): Promise<unknown> {
  refuseFailure(answer);
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of piecesOf(answer)) {
    bytes += piece.length;
    if (bytes > MOST_JSON_BYTES) throw new DockerError("the Docker socket's answer is too large");
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString());
  } catch {
    throw new DockerError("the Docker socket's answer is no JSON");
  }
}

function refuseFailure(answer: IncomingMessage): void {
  if (answer.statusCode === 200) return;
  answer.destroy();
  throw new DockerError(`the Docker socket answered with status ${answer.statusCode}`);
}

function unanswered({ code }: NodeJS.ErrnoException): DockerError {
  if (code === "ENOENT") return new DockerError("there is no Docker socket");
  if (code === "EACCES") return new DockerError("the Docker socket may not be used by this user");
  if (code === "ECONNREFUSED") return new DockerError("nobody listens on the Docker socket");
  return new DockerError(`the Docker socket does not answer (${code ?? "cut off"})`);
}
