import { graphics, mem, type Systeminformation } from "systeminformation";
import type { GpuMemory } from "../inference/inference.ts";
import type { ModelHolder } from "./model-holder.ts";

export interface SystemSamplerOptions {
  readonly everyMs?: number;
  /** What this process may still allocate. */
  readonly availableBytes?: () => number;
  readonly controllers?: () => Promise<readonly Systeminformation.GraphicsControllerData[]>;
}

/** One graphics processor; a figure its driver does not give is undefined. */
export interface GpuDevice {
  readonly name: string;
  readonly usedBytes: number | undefined;
  readonly totalBytes: number | undefined;
  readonly utilizationPercent: number | undefined;
}

/** Memory of this machine, read on a timer so that no request has to wait for a device. */
export class SystemSampler {
  readonly #models: ModelHolder;
  readonly #timer: NodeJS.Timeout;
  readonly #availableBytes: () => number;
  readonly #controllers: NonNullable<SystemSamplerOptions["controllers"]>;
  readonly everyMs: number;
  #latest: Promise<void> = Promise.resolve();
  #reading = false;
  #samples = 0;
  #memoryUsedBytes: number | undefined;
  #memoryPeakBytes: number | undefined;
  #gpu: GpuMemory | undefined;
  #gpuPeakBytes: number | undefined;
  #devices: readonly GpuDevice[] = [];

  constructor(models: ModelHolder, options: SystemSamplerOptions = {}) {
    this.#models = models;
    this.everyMs = options.everyMs ?? 5_000;
    this.#availableBytes = options.availableBytes ?? (() => process.availableMemory());
    this.#controllers = options.controllers ?? (async () => (await graphics()).controllers);
    this.#timer = setInterval(() => {
      // A driver that hangs must not gather readers behind it.
      if (!this.#reading) void this.sample();
    }, this.everyMs).unref();
    void this.sample();
    void models.loaded.then(() => this.sample()).catch(() => {});
  }

  /** How often everything was read. */
  get samples(): number {
    return this.#samples;
  }

  /** Memory in use without what the system would give back at once; undefined while it cannot be read. */
  get memoryUsedBytes(): number | undefined {
    return this.#memoryUsedBytes;
  }

  /** The most of all samples, as every peak here. */
  get memoryPeakBytes(): number | undefined {
    return this.#memoryPeakBytes;
  }

  /** All graphics processors together; undefined where there is none that answers. */
  get gpu(): GpuMemory | undefined {
    return this.#gpu;
  }

  get gpuPeakBytes(): number | undefined {
    return this.#gpuPeakBytes;
  }

  get gpuDevices(): readonly GpuDevice[] {
    return this.#devices;
  }

  get availableBytes(): number {
    return this.#availableBytes();
  }

  /**
   * Whether the process may still grow by `LEAST_MEMORY_BYTES`; a container's limit counts as much as the
   * machine's memory. The model and its contexts are allocated before the first request and need nothing more.
   */
  get memorySufficient(): boolean {
    return this.availableBytes >= LEAST_MEMORY_BYTES;
  }

  /** Reads everything once more, after whatever is being read. */
  sample(): Promise<void> {
    this.#latest = this.#latest.then(() => this.#read());
    return this.#latest;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #read(): Promise<void> {
    this.#reading = true;
    // A figure that cannot be read now is tried again at the next tick; until then nobody knows it.
    const [memory, gpu] = await Promise.all([
      mem().catch(() => undefined),
      this.#models.inference?.gpuMemory().catch(() => undefined),
    ]);
    this.#memoryUsedBytes = memory?.active;
    this.#memoryPeakBytes = larger(this.#memoryPeakBytes, memory?.active);
    this.#devices = gpu === undefined ? [] : devicesOf(gpu, await this.#controllers().catch(() => []));
    this.#gpu = gpu;
    this.#gpuPeakBytes = larger(this.#gpuPeakBytes, gpu?.usedBytes);
    this.#samples++;
    this.#reading = false;
  }
}

/** Below this, buffers of a few large requests could already fail. */
export const LEAST_MEMORY_BYTES = 128 * 1024 * 1024;

/** llama.cpp knows which devices it uses and only their sum; the driver knows each, and also those not in use. */
function devicesOf(
  gpu: GpuMemory,
  controllers: readonly Systeminformation.GraphicsControllerData[],
): GpuDevice[] {
  const left = [...controllers];
  return gpu.devices.map((name) => {
    const position = left.findIndex((controller) => controller.name === name || controller.model === name);
    const [controller] = position < 0 ? [] : left.splice(position, 1);
    const alone = gpu.devices.length === 1 ? gpu : undefined;
    return {
      name,
      usedBytes: mebibytes(controller?.memoryUsed) ?? alone?.usedBytes,
      totalBytes: mebibytes(controller?.memoryTotal) ?? alone?.totalBytes,
      utilizationPercent: controller?.utilizationGpu ?? undefined,
    };
  });
}

function larger(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

function mebibytes(count: number | null | undefined): number | undefined {
  return typeof count === "number" ? count * 1024 ** 2 : undefined;
}
