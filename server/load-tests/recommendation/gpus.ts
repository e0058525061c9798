import type { Targets } from "../../settings/targets.ts";
import type { CapacityQuestion } from "./request.ts";

/** The GPUs that were measured, as far as anybody said. */
export interface MeasuredGpus {
  /** "unknown" when nobody said. */
  readonly model: string;
  readonly count: number;
  readonly memoryGb: number | undefined;
}

const TIMEOUT_MS = 5_000;
const MAX_NAME = 100;

/**
 * The GPUs behind the server: as the request says, else as the server's own metrics page does. Never those of
 * the machine that this program runs on, which may be another.
 */
export async function measuredGpus(
  { serverUrl, gpus }: Pick<CapacityQuestion, "serverUrl" | "gpus">,
  targets: Pick<Targets, "get">,
): Promise<MeasuredGpus> {
  const complete = gpus.model !== undefined && gpus.count !== undefined;
  const told = complete ? undefined : await askTarget(serverUrl, targets);
  // A count is only that of the model it was told with.
  const same = gpus.model === undefined || told?.model === gpus.model;
  return {
    model: gpus.model ?? told?.model ?? "unknown",
    count: gpus.count ?? (same ? told?.count : undefined) ?? 1,
    memoryGb: gpus.memoryGb ?? (same ? told?.memoryGb : undefined),
  };
}

interface Told {
  readonly model: string;
  readonly count: number;
  readonly memoryGb: number | undefined;
}

async function askTarget(serverUrl: string, targets: Pick<Targets, "get">): Promise<Told | undefined> {
  const url = `${serverUrl.replace(/\/+$/, "").replace(/\/v1(\/.*)?$/, "")}/metrics`;
  const answer = await targets.get(url, "server_url", { timeoutMs: TIMEOUT_MS }).catch(() => undefined);
  if (answer === undefined || answer.status !== 200) return undefined;
  return String(answer.headers["content-type"]).includes("json")
    ? fromJson(answer.text)
    : fromPrometheus(answer.text);
}

/** Goodput's own server lists its devices. */
function fromJson(text: string): Told | undefined {
  try {
    const { gpu } = JSON.parse(text) as { gpu?: { devices?: unknown } };
    const devices = (Array.isArray(gpu?.devices) ? gpu.devices : []) as {
      name?: unknown;
      memory_total_gb?: unknown;
    }[];
    const [first] = devices;
    if (typeof first?.name !== "string") return undefined;
    const { memory_total_gb: memory } = first;
    return {
      model: first.name.slice(0, MAX_NAME),
      count: devices.length,
      memoryGb: typeof memory === "number" ? memory : undefined,
    };
  } catch {
    return undefined;
  }
}

/** NVIDIA's exporter names the card in every sample: `DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="…",modelName="NVIDIA H100"}`. */
function fromPrometheus(text: string): Told | undefined {
  const cards = new Map<string, string>();
  for (const [, labels = ""] of text.matchAll(/^DCGM_\w+\{([^\n]*)\}/gm)) {
    const model = /\bmodelName="([^"]*)"/.exec(labels)?.[1];
    const card = /\bUUID="([^"]*)"/.exec(labels)?.[1] ?? /\bgpu="([^"]*)"/.exec(labels)?.[1];
    if (model && card) cards.set(card, model);
  }
  const [model] = cards.values();
  if (model === undefined) return undefined;
  return { model: model.slice(0, MAX_NAME), count: cards.size, memoryGb: undefined };
}
