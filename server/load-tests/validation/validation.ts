import type { z } from "zod";
import type { LevelResult, Result } from "../../../src/index.ts";
import { rounded } from "../../http/rounding.ts";
import type { LoadTestBody } from "../runs/load-test-body.ts";
import type { RunRequest, TellValidation } from "../runs/run-request.ts";
import { countLoggedRequests, type LogCount } from "./container-log.ts";
import type { validationAnswer } from "./schema.ts";

export type Validation = z.input<typeof validationAnswer>;

export interface ValidationOptions {
  /** Share by which the two may differ, 0 to 1. */
  readonly tolerance: number;
  /** Found by its port when undefined. */
  readonly containerName: string | undefined;
  /** Of the Docker Engine; undefined: nobody said where one is. */
  readonly dockerSocket: string | undefined;
  /** False: the container's log is left alone. */
  readonly dockerEnabled: boolean;
  /** ISO 8601, UTC; what the container logged earlier is another's. */
  readonly startedAt: string | undefined;
}

/** What is done after a run that asked for it: see `RunRequest.conclude`. */
export function concludeWithValidation(
  config: NonNullable<LoadTestBody["validation_config"]>,
  dockerSocket: string | undefined,
): NonNullable<RunRequest["conclude"]> {
  return async (result, run, tell) => {
    const options = {
      tolerance: config.tolerance,
      containerName: config.container_name || undefined,
      dockerSocket,
      dockerEnabled: config.docker_enabled,
      startedAt: run.startedAt,
    };
    return { report: { validation: await validateAgainstServer(result, options, tell) } };
  };
}

/** The client's figures beside those that the server counted by itself, and whether they agree. */
export async function validateAgainstServer(
  result: Result,
  options: ValidationOptions,
  tell: TellValidation,
): Promise<Validation> {
  tell({ step: "start", message: "Comparing with what the server counted.", status: "running" });
  const { comparisons: counted, warnings: gaps } = withMetricsPage(result, options.tolerance);
  tellComparisons("prometheus", counted, gaps, tell);
  const logged = await withContainerLog(result, options);
  tellComparisons("container_logs", logged.comparisons, logged.warnings, tell);

  const comparisons = [...counted, ...logged.comparisons];
  const warnings = [...gaps, ...logged.warnings];
  const passed = comparisons.length === 0 ? null : comparisons.every((one) => one.passed);
  const reason = `There is nothing to compare with. ${warnings.join(" ")}`.trim();
  tell({
    step: "end",
    message: passed === null ? reason : passed ? "Client and server agree." : "Client and server differ.",
    status: passed === null ? "warning" : passed ? "passed" : "failed",
  });
  return {
    overall_passed: passed,
    ...(passed === null && { reason }),
    tolerance: options.tolerance,
    comparisons,
    sources: {
      prometheus: counted.length > 0 ? "compared" : "unavailable",
      container_logs:
        logged.comparisons.length > 0 ? "compared" : options.dockerEnabled ? "unavailable" : "off",
    },
    ...(logged.container !== undefined && { container: logged.container }),
    warnings,
    validated_at: new Date().toISOString(),
  };
}

type Comparison = Validation["comparisons"][number];

interface Compared {
  readonly comparisons: readonly Comparison[];
  readonly warnings: readonly string[];
  readonly container?: string;
}

/** Between the pages that were read before and after each level; warm-up is on neither side. */
function withMetricsPage({ levels }: Result, tolerance: number): Compared {
  if (!levels.some(({ server }) => server !== undefined && server.engine !== "unknown")) {
    const why = levels.flatMap(({ server }) => server?.unavailable ?? [])[0];
    return {
      comparisons: [],
      warnings: [`No metrics page of the server could be read${why === undefined ? "." : `: ${why}.`}`],
    };
  }
  const comparisons: Comparison[] = [];
  const warnings: string[] = [];
  const compare = (name: string, unit: Comparison["unit"], pairs: readonly (Pair | undefined)[]) => {
    const known = pairs.filter((pair) => pair !== undefined);
    const without = levels.filter((_, i) => pairs[i] === undefined).map((level) => level.name);
    if (without.length > 0) warnings.push(`${name}: not compared at ${without.join(", ")}.`);
    if (known.length === 0) return;
    const { client, server } = put(known);
    comparisons.push(compared({ metric_name: name, source: "prometheus", unit, client, server }, tolerance));
  };
  compare("requests", "requests", levels.map(requestsOf));
  compare("generation_tokens", "tokens", levels.map(tokensOf));
  compare("ttft_mean", "ms", levels.map(ttftOf));
  const unsure = levels.reduce((sum, { requests }) => sum + requests.failed + requests.incomplete, 0);
  if (unsure > 0) {
    warnings.push(
      `${unsure} requests failed or were cut off: whether the server counted them, and what it generated for them, is not known.`,
    );
  }
  if (levels.some(({ token_source: source }) => source === "chunks" || source === "mixed")) {
    warnings.push("The server told no token counts in its answers, so the client counted chunks.");
  }
  return { comparisons, warnings };
}

/** Both sides of one figure at one level; `weight` where they are means. */
interface Pair {
  readonly client: number;
  readonly server: number;
  readonly weight?: number;
}

function put(pairs: readonly Pair[]): { client: number; server: number } {
  const weights = pairs.every(({ weight }) => weight === undefined)
    ? 1
    : sum(pairs.map((p) => p.weight ?? 0));
  const total = (side: "client" | "server") =>
    sum(pairs.map((pair) => pair[side] * (pair.weight ?? 1))) / weights;
  return { client: total("client"), server: total("server") };
}

function requestsOf({ server, requests, load }: LevelResult): Pair | undefined {
  if (server?.requests === undefined) return undefined;
  // Those that did not complete may have been counted or not: any number between the two agrees.
  const { completed, issued } = requests;
  // A ramp's last requests ended in the window.
  const before = load.kind === "open" ? requests.warmup : 0;
  return { client: clamped(server.requests, completed, issued + before), server: server.requests };
}

function tokensOf({ server, metrics, requests }: LevelResult): Pair | undefined {
  // The server counted from the first request on.
  if (requests.left_out !== undefined) return undefined;
  const [client, counted] = [metrics.output_tokens, server?.generation_tokens];
  return client === undefined || counted === undefined ? undefined : { client, server: counted };
}

/** From the moment of sending, since a server knows nothing of the time before. */
function ttftOf({ server, metrics, requests }: LevelResult): Pair | undefined {
  if (requests.left_out !== undefined) return undefined;
  const [client, counted] = [metrics.ttft_sent, server?.ttft];
  if (client === undefined || counted === undefined) return undefined;
  return { client: client.mean, server: counted.mean, weight: client.count };
}

async function withContainerLog(result: Result, options: ValidationOptions): Promise<Compared> {
  if (!options.dockerEnabled) return { comparisons: [], warnings: [] };
  const { dockerSocket: socketPath, containerName, startedAt, tolerance } = options;
  if (socketPath === undefined) {
    return { comparisons: [], warnings: ["The container's log was not read: there is no Docker socket."] };
  }
  const log: LogCount = await countLoggedRequests({
    socketPath,
    containerName,
    targetUrl: result.target.url,
    since: startedAt ?? result.started_at,
  });
  if ("problem" in log) {
    return { comparisons: [], warnings: [`The container's log was not read: ${log.problem}.`] };
  }
  const { container, succeeded: server } = log;
  const count = (of: (requests: LevelResult["requests"]) => number) =>
    sum(result.levels.map(({ requests }) => of(requests)));
  const warmup = count((requests) => requests.warmup);
  const completed = count((requests) => requests.completed);
  const sent = count(({ issued }) => issued) + warmup;
  // The log has no marks at which warm-up ends; all of that succeeded, or the rest would have failed as well.
  const least = count(({ failed }) => failed) === 0 ? completed + warmup : completed;
  const sides = { client: clamped(server, least, sent), server };
  const figure = { metric_name: "logged_requests", source: "container_logs", unit: "requests" } as const;
  return { comparisons: [compared({ ...figure, ...sides }, tolerance)], warnings: [], container };
}

/** Of means on a fast server a share is less than what the way through the kernel takes. */
const LEAST_DIFFERENCE_MS = 5;

function compared(
  { client, server, ...figure }: Pair & Pick<Comparison, "metric_name" | "source" | "unit">,
  tolerance: number,
): Comparison {
  const gap = Math.abs(client - server);
  // A count that is off by less than what a float can say is not off.
  const within = gap <= tolerance * server + 1e-9;
  return {
    ...figure,
    client_value: rounded(client, 3),
    server_value: rounded(server, 3),
    difference_percent: gap === 0 ? 0 : server === 0 ? null : rounded((100 * gap) / server, 3),
    passed: within || (figure.unit === "ms" && gap <= LEAST_DIFFERENCE_MS),
  };
}

function tellComparisons(
  step: string,
  comparisons: readonly Comparison[],
  warnings: readonly string[],
  tell: TellValidation,
): void {
  for (const one of comparisons) {
    const message = `${one.metric_name}: client ${one.client_value}, server ${one.server_value} ${one.unit}.`;
    tell({ step, message, status: one.passed ? "passed" : "failed" });
  }
  for (const message of warnings) tell({ step, message, status: "warning" });
}

function clamped(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
