import type {
  Generation,
  GenerationEnd,
  GenerationListener,
  GenerationRequest,
  Inference,
} from "../../inference/inference.ts";
import { abortedError } from "../generate.ts";
import type { Telemetry } from "../telemetry.ts";
import { exactPrompt, type Scenario } from "./scenarios.ts";

/** One measured iteration: a request, or in a stress test a round of as many requests as there are slots. */
export interface Iteration {
  readonly promptLength: number;
  readonly outputLength: number;
  /** Of all the iteration's requests together. */
  readonly tokensPerSecond: number;
  /** Of each of its requests alone, without the wait for a slot. */
  readonly requestTokensPerSecond: readonly number[];
  /** Graphics memory in use where there is a graphics processor, else this process's memory. */
  readonly memoryBytes: number | undefined;
}

/** Carries a scenario out on the model that serves everybody else, beside whatever else it has to do. */
export class BenchmarkRun {
  readonly #inference: Inference;
  readonly #telemetry: Telemetry;
  readonly #scenario: Scenario;
  readonly #running = new Set<Generation>();
  #aborted = false;

  constructor(inference: Inference, telemetry: Telemetry, scenario: Scenario) {
    this.#inference = inference;
    this.#telemetry = telemetry;
    this.#scenario = scenario;
  }

  /** One generation that is no iteration; nobody asked for it, so the server does not count it either. */
  async warmUp(): Promise<void> {
    await this.#generate(this.#scenario.promptLengths[0]!, (listener) => listener);
  }

  measure(): Promise<Iteration[]> {
    return this.#scenario.sustained ? this.#sustained() : this.#oneByOne();
  }

  /** Frees the slots; what is under way rejects. */
  abort(): void {
    this.#aborted = true;
    for (const generation of this.#running) generation.abort();
  }

  async #oneByOne(): Promise<Iteration[]> {
    const iterations: Iteration[] = [];
    for (const length of this.#scenario.promptLengths) {
      const end = await this.#counted(length);
      const speed = requestSpeed(end);
      iterations.push({
        promptLength: end.promptTokens,
        outputLength: end.generatedTokens,
        tokensPerSecond: speed,
        requestTokensPerSecond: [speed],
        memoryBytes: await this.#memoryBytes(),
      });
    }
    return iterations;
  }

  /**
   * Keeps every slot busy from the first round to the last: whoever is done takes the next request at once.
   * A round is over with the next so-many-th answer, and its speed is that of the time since the one before.
   */
  async #sustained(): Promise<Iteration[]> {
    const { promptLengths, concurrency } = this.#scenario;
    const lengths = promptLengths.flatMap((length) => Array<number>(concurrency).fill(length));
    const rounds: Promise<Iteration>[] = [];
    let round: GenerationEnd[] = [];
    let roundStartedAt = performance.now();
    const work = async () => {
      for (let length = lengths.shift(); length !== undefined; length = lengths.shift()) {
        const end = await this.#counted(length);
        round.push(end);
        if (round.length < concurrency) continue;
        const now = performance.now();
        rounds.push(this.#summarizeRound(round, (now - roundStartedAt) / 1000));
        round = [];
        roundStartedAt = now;
      }
    };
    const failures: unknown[] = [];
    const stop = (error: unknown) => {
      failures.push(error);
      // What is left of a failed test would only keep others waiting.
      this.abort();
    };
    await Promise.all(Array.from({ length: concurrency }, () => work().catch(stop)));
    // The first is the reason; those after it were stopped on its account.
    if (failures.length > 0) throw failures[0];
    return Promise.all(rounds);
  }

  #summarizeRound(ends: readonly GenerationEnd[], seconds: number): Promise<Iteration> {
    const outputs = ends.map((end) => end.generatedTokens);
    const facts = {
      promptLength: Math.max(...ends.map((end) => end.promptTokens)),
      outputLength: Math.max(...outputs),
      tokensPerSecond: speed(
        outputs.reduce((sum, count) => sum + count, 0),
        seconds,
      ),
      requestTokensPerSecond: ends.map(requestSpeed),
    };
    // The next request does not wait for the device's answer, or the load would have a gap.
    return this.#memoryBytes().then((memoryBytes) => ({ ...facts, memoryBytes }));
  }

  #counted(promptLength: number): Promise<GenerationEnd> {
    return this.#generate(promptLength, (listener) => this.#telemetry.watch(listener));
  }

  #generate(
    promptLength: number,
    watch: (listener: GenerationListener) => GenerationListener,
  ): Promise<GenerationEnd> {
    return new Promise((resolve, reject) => {
      if (this.#aborted) throw abortedError();
      const settled = () => {
        if (generation !== undefined) this.#running.delete(generation);
      };
      const request: GenerationRequest = {
        prompt: exactPrompt(this.#inference, promptLength),
        maxTokens: this.#scenario.outputLength,
        temperature: 0.7,
        topP: 1,
        topK: 40,
        seed: undefined,
        stop: [],
        ignoreEnd: true,
      };
      let generation: Generation | undefined;
      const listener: GenerationListener = {
        onToken: () => {},
        onEnd: (end) => {
          settled();
          if (end.reason === "aborted") reject(abortedError());
          else resolve(end);
        },
        onError: (error) => {
          settled();
          reject(error);
        },
      };
      generation = this.#inference.generate(request, watch(listener));
      this.#running.add(generation);
    });
  }

  async #memoryBytes(): Promise<number | undefined> {
    // A device that cannot be read now leaves a gap in the figures, not a failed benchmark.
    const gpu = await this.#inference.gpuMemory().catch(() => "unknown" as const);
    return gpu === "unknown" ? undefined : (gpu?.usedBytes ?? process.memoryUsage.rss());
  }
}

function requestSpeed({ generatedTokens, timings }: GenerationEnd): number {
  return speed(generatedTokens, (timings.promptMs + timings.generationMs) / 1000);
}

function speed(tokens: number, seconds: number): number {
  if (seconds <= 0) throw new Error("an answer took no measurable time");
  return tokens / seconds;
}
