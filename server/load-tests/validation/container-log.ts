import { networkInterfaces } from "node:os";
import { type Container, DockerError, dockerEngine } from "./docker-engine.ts";

export interface LogQuestion {
  /** Of the Docker Engine. */
  readonly socketPath: string;
  /** Found by the target's port when undefined. */
  readonly containerName: string | undefined;
  readonly targetUrl: string;
  /** ISO 8601, UTC. */
  readonly since: string;
}

/** How many requests the server's container says it answered well, or why nobody knows. */
export type LogCount =
  | { readonly container: string; readonly succeeded: number }
  | { readonly problem: string };

/** Counts the request lines of the log of the container that the target runs in. */
export async function countLoggedRequests(question: LogQuestion): Promise<LogCount> {
  const { socketPath, containerName, targetUrl, since } = question;
  const engine = dockerEngine(socketPath);
  try {
    const container =
      containerName === undefined
        ? containerOf(await engine.containers(), new URL(targetUrl))
        : await engine.container(containerName);
    if (container === undefined) {
      const { host } = new URL(targetUrl);
      return { problem: `no container here serves ${host}; name it with validation_config.container_name` };
    }
    let succeeded = 0;
    let lines = 0;
    for await (const line of engine.logs(container.id, since)) {
      const status = requestStatus(line);
      if (status === undefined) continue;
      lines++;
      if (status >= 200 && status < 300) succeeded++;
    }
    if (lines === 0) {
      return { problem: `the log of ${container.name} has no line for any request since the run began` };
    }
    return { container: container.name, succeeded };
  } catch (error) {
    if (error instanceof DockerError) return { problem: error.message };
    throw error;
  }
}

/** As uvicorn, which vLLM and SGLang answer with, and access logs alike have it: `"POST /v1/… HTTP/1.1" 200 OK`. */
const REQUEST_LINE =
  /"POST (?:\/[\w.-]+)*\/(?:completions|responses|embeddings|generate|generate_stream|chat|inference|infer)(?:\?[^\s"]*)? HTTP\/[\d.]+" (\d{3})\b/;

function requestStatus(line: string): number | undefined {
  const status = REQUEST_LINE.exec(line)?.[1];
  return status === undefined ? undefined : Number(status);
}

/** The container behind the port, or the one that has the host's name or address; undefined when none or several do. */
function containerOf(containers: readonly Container[], target: URL): Container | undefined {
  const port = Number(target.port || (target.protocol === "https:" ? 443 : 80));
  const host = target.hostname.replace(/^\[|\]$/g, "");
  const matching = containers.filter(({ name, addresses, ports }) =>
    name === host || addresses.includes(host)
      ? ports.some((one) => one.private === port)
      : isHere(host) && ports.some((one) => one.public === port),
  );
  return matching.length === 1 ? matching[0] : undefined;
}

/** Ports of another machine are none of this one's containers'. */
function isHere(host: string): boolean {
  if (/^(localhost|127\..*|::1|0\.0\.0\.0|host\.docker\.internal)$/.test(host)) return true;
  return Object.values(networkInterfaces()).some((one) => one?.some(({ address }) => address === host));
}
