/**
 * Loaded into our server before all else: tells the bench, over the channel to its parent, what only the
 * process itself knows, and may put another build of node-llama-cpp in the place of the installed one.
 */
import { registerHooks } from "node:module";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { pathToFileURL } from "node:url";

export interface Watched {
  /** 99th percentile since it was asked last, of what a timer of one millisecond came too late. */
  readonly loopDelayMs: number;
  readonly rssMb: number;
}

const RESOLUTION_MS = 1;
const { BENCH_WATCHED, BENCH_LLAMA_PACKAGE } = process.env;
// node-llama-cpp tries its libraries in a process that inherits all of this but is not the one under load.
if (BENCH_WATCHED !== undefined) {
  delete process.env.BENCH_WATCHED;
  if (BENCH_LLAMA_PACKAGE !== undefined) replacePackage(BENCH_LLAMA_PACKAGE);
  answerQuestions();
}

function replacePackage(folder: string): void {
  const url = pathToFileURL(`${folder}/dist/index.js`).href;
  registerHooks({
    resolve: (specifier, context, next) => next(specifier === "node-llama-cpp" ? url : specifier, context),
  });
}

function answerQuestions(): void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  process.on("message", () => {
    const watched: Watched = {
      loopDelayMs: Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS),
      rssMb: process.memoryUsage.rss() / 2 ** 20,
    };
    delay.reset();
    process.send!(watched);
  });
  // Listening must not keep a server alive that was told to stop.
  process.channel?.unref();
}
