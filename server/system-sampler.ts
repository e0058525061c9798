import { mem } from "systeminformation";
import type { GpuMemory } from "./inference/inference.ts";
import type { ModelHolder } from "./model-holder.ts";

/** Memory of this machine, read on a timer so that no request has to wait for a device. */
export class SystemSampler {
  readonly #models: ModelHolder;
  readonly #timer: NodeJS.Timeout;
  #memoryUsedBytes: number | undefined;
  #gpu: GpuMemory | undefined;

  constructor(models: ModelHolder, everyMs = 5_000) {
    this.#models = models;
    this.#timer = setInterval(() => void this.sample(), everyMs).unref();
    void this.sample();
    void models.loaded.then(() => this.sample()).catch(() => {});
  }

  /** Memory in use without what the system would give back at once; undefined before the first sample. */
  get memoryUsedBytes(): number | undefined {
    return this.#memoryUsedBytes;
  }

  /** Undefined where there is no graphics processor. */
  get gpu(): GpuMemory | undefined {
    return this.#gpu;
  }

  /** Whether the process may still grow; a container's limit counts as much as the machine's memory. */
  get memorySufficient(): boolean {
    return process.availableMemory() >= LEAST_MEMORY_BYTES;
  }

  async sample(): Promise<void> {
    try {
      const [memory, gpu] = await Promise.all([mem(), this.#models.inference?.gpuMemory()]);
      this.#memoryUsedBytes = memory.active;
      this.#gpu = gpu;
    } catch {
      // A figure that cannot be read now is tried again at the next tick; the last one stays.
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** Below this, buffers of a few large requests could already fail. */
const LEAST_MEMORY_BYTES = 128 * 1024 * 1024;
