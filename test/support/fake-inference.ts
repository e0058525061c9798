import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { createApp } from "../../server/app.ts";
import type { GenerationEnd, GpuMemory, Inference } from "../../server/inference/inference.ts";
import type { LoadProgress } from "../../server/model/load-progress.ts";
import type { RouteDeps } from "../../server/model/model-deps.ts";
import { ModelHolder } from "../../server/model/model-holder.ts";
import { SystemSampler, type SystemSamplerOptions } from "../../server/model/system-sampler.ts";
import { Telemetry } from "../../server/model/telemetry.ts";

export interface FakeModel {
  readonly contextSize?: number;
  readonly slots?: number;
  readonly gpu?: GpuMemory;
  /** Seconds that each answer says it took, in the order of the requests; the last one holds for all others. */
  readonly seconds?: readonly number[];
  /** The request, counted from 1, whose answer is an error. */
  readonly failsAt?: number;
}

/** A model that answers at once and says what the test told it to. */
export function fakeInference({
  contextSize = 4096,
  slots = 2,
  gpu,
  seconds = [1],
  failsAt,
}: FakeModel = {}) {
  let requests = 0;
  const fake: Partial<Inference> = {
    model: {
      name: "fake",
      description: undefined,
      builtIn: true,
      contextSize,
      slots,
      threads: 1,
      loadedAt: new Date(),
    } as Inference["model"],
    ensureRoom: () => {},
    textPrompt: (text) => ({ tokens: [0, ...Buffer.from(text)] }),
    load: () => ({ running: 0, waiting: 0, queueLimit: 1, cacheUsage: 0, largestStep: 0 }),
    gpuMemory: async () => gpu,
    memory: () => ({
      model: { ramBytes: 1_000, gpuBytes: 2_000 },
      context: { ramBytes: 3_000, gpuBytes: 4_000 },
      cacheBytesPerToken: 512,
    }),
    generate: (request, listener) => {
      const number = ++requests;
      const took = seconds[Math.min(number, seconds.length) - 1]!;
      setImmediate(() => {
        if (number === failsAt) return listener.onError(new Error("the tensors are tired"));
        listener.onEnd({
          reason: "length",
          promptTokens: request.prompt.tokens.length,
          cachedTokens: 1,
          generatedTokens: request.maxTokens ?? 0,
          timings: { queuedMs: 0, promptMs: took * 250, generationMs: took * 750 },
        } as GenerationEnd);
      });
      return { abort: () => {} };
    },
    close: async () => {},
  };
  return fake as Inference;
}

/** The server's routes over any model, on a free port. */
export async function startApp(
  loading: Promise<Inference>,
  options: SystemSamplerOptions & {
    readonly targetTokensPerSecond?: number;
    readonly progress?: LoadProgress;
    /** Whether to come back only when the loading is over; true when undefined. */
    readonly wait?: boolean;
  } = {},
) {
  const models = new ModelHolder(loading, options.progress);
  const system = new SystemSampler(models, options);
  const deps: RouteDeps = {
    models,
    system,
    telemetry: new Telemetry(models, system),
    version: "0",
    targetTokensPerSecond: options.targetTokensPerSecond ?? 5,
  };
  const log = pino({ level: "silent" });
  const http = createServer(createApp({ ...deps, log, bodyLimitBytes: 1e6 }).callback());
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  if (options.wait !== false) await models.loaded.catch(() => {});
  await system.sample();
  const close = async () => {
    system.close();
    http.close();
    await once(http, "close");
  };
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, system, close };
}
