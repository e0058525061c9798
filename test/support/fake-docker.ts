import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface FakeContainer {
  readonly id: string;
  readonly name: string;
  readonly ports?: readonly { readonly PrivatePort: number; readonly PublicPort?: number }[];
  readonly address?: string;
  /** Whether its output is a terminal's, which comes without frames. */
  readonly tty?: boolean;
  readonly log?: string;
}

export interface FakeDocker {
  readonly socketPath: string;
  /** Paths with their queries, in order. */
  readonly asked: readonly string[];
}

/** Answers as a Docker Engine does, over a real Unix socket. */
export async function withFakeDocker(
  containers: readonly FakeContainer[],
  work: (docker: FakeDocker) => Promise<void>,
  answer?: (path: string, response: ServerResponse) => boolean,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "goodput-"));
  const socketPath = join(folder, "docker.sock");
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    asked.push(path);
    if (answer?.(path, response)) return;
    const json = (status: number, body: unknown) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (path === "/containers/json") return json(200, containers.map(listed));
    const [, name = "", what] = /^\/containers\/([^/]+)\/(json|logs)/.exec(path) ?? [];
    const wanted = decodeURIComponent(name);
    const one = containers.find((container) => container.id === wanted || container.name === wanted);
    if (one === undefined) return json(404, { message: `No such container: ${wanted}` });
    if (what === "json")
      return json(200, { Id: one.id, Name: `/${one.name}`, Config: { Tty: one.tty ?? false } });
    const bytes = one.tty ? Buffer.from(one.log ?? "") : framed(one.log ?? "");
    response.writeHead(200, { "content-type": "application/vnd.docker.multiplexed-stream" });
    // Cut where no frame ends, as a network does.
    for (let at = 0; at < bytes.length; at += 37) response.write(bytes.subarray(at, at + 37));
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  try {
    await work({ socketPath, asked });
  } finally {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
    await rm(folder, { recursive: true, force: true });
  }
}

function listed({ id, name, ports = [], address = "" }: FakeContainer) {
  return {
    Id: id,
    Names: [`/${name}`],
    Ports: ports.map((port) => ({ Type: "tcp", ...port })),
    NetworkSettings: { Networks: { bridge: { IPAddress: address } } },
  };
}

/** Lines go to either output in turn, each frame ends within a line. */
function framed(log: string): Buffer {
  const frames: Buffer[] = [];
  for (const [i, line] of log.split(/(?<=\n)/).entries()) {
    for (const part of [line.slice(0, 40), line.slice(40)]) {
      if (part === "") continue;
      const bytes = Buffer.from(part);
      const head = Buffer.alloc(8);
      head[0] = 1 + (i % 2);
      head.writeUInt32BE(bytes.length, 4);
      frames.push(head, bytes);
    }
  }
  return Buffer.concat(frames);
}
