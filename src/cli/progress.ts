import { SingleBar } from "cli-progress";
import type { Progress } from "../index.ts";

export interface ProgressView {
  update(progress: Progress): void;
  stop(): void;
}

/** A bar where somebody looks on, plain lines where a log is kept. */
export function progressView(stream: NodeJS.WriteStream): ProgressView {
  return stream.isTTY ? barView(stream) : lineView(stream);
}

function barView(stream: NodeJS.WriteStream): ProgressView {
  let bar: SingleBar | undefined;
  let level = -1;
  return {
    update(progress) {
      if (progress.level !== level) {
        bar?.stop();
        level = progress.level;
        bar = new SingleBar({
          stream,
          format: "{name} {bar} {percentage}% | {state}",
          barCompleteChar: "█",
          barIncompleteChar: "░",
          barsize: 24,
          hideCursor: true,
          // The plan's share is what the bar shows; its own estimate of the rest would be of something else.
          etaBuffer: 1,
        });
        bar.start(1, 0, { name: progress.name, state: "warming up" });
      }
      bar?.update(progress.share, { name: progress.name, state: stateOf(progress) });
      if (progress.phase === "done") bar?.stop();
    },
    stop: () => bar?.stop(),
  };
}

const LINE_EVERY_SECONDS = 5;

function lineView(stream: NodeJS.WriteStream): ProgressView {
  let told = 0;
  return {
    update(progress) {
      if (progress.phase === "warmup") {
        told = 0;
        stream.write(`${place(progress)}: warming up\n`);
        return;
      }
      if (progress.phase !== "done" && progress.elapsedSeconds < told + LINE_EVERY_SECONDS) return;
      told = progress.elapsedSeconds;
      stream.write(`${place(progress)}: ${Math.round(progress.share * 100)} %, ${stateOf(progress)}\n`);
    },
    stop() {},
  };
}

function place({ name, level, levels }: Progress): string {
  return levels === 1 ? name : `${name} (${level + 1} of ${levels})`;
}

function stateOf(progress: Progress): string {
  if (progress.phase === "warmup") return "warming up";
  const left = progress.share > 0 ? progress.elapsedSeconds * (1 / progress.share - 1) : undefined;
  return [
    `${progress.completed} ok`,
    `${progress.failed} failed`,
    `${progress.requestsPerSecond.toFixed(1)} req/s`,
    ...(progress.ttftP50Ms === undefined ? [] : [`ttft p50 ${progress.ttftP50Ms.toFixed(1)} ms`]),
    ...(progress.phase === "done"
      ? [`${progress.elapsedSeconds.toFixed(1)} s`]
      : left === undefined
        ? []
        : [`${Math.ceil(left)} s left`]),
  ].join(", ");
}
