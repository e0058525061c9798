import { SingleBar } from "cli-progress";
import type { Logger } from "pino";
import type { LoadStep } from "./load-progress.ts";

/** Shows one step after the other until the model is ready, or never will be. */
export interface LoadView {
  show(step: LoadStep): void;
  stop(): void;
}

/** For a person at a terminal: one bar for each phase that can tell how far it is. */
export function loadBar(stream: NodeJS.WriteStream): LoadView {
  let bar: SingleBar | undefined;
  let phase: LoadStep["phase"] | undefined;
  const stop = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    show(step) {
      if (step.phase !== phase) stop();
      phase = step.phase;
      if (step.share === undefined) return;
      if (bar === undefined) {
        bar = new SingleBar({
          stream,
          format: "{phase} {bar} {percentage}%{bytes}",
          barCompleteChar: "█",
          barIncompleteChar: "░",
          barsize: 24,
          hideCursor: true,
        });
        bar.start(1, 0, { phase, bytes: bytesOf(step) });
      }
      bar.update(step.share, { bytes: bytesOf(step) });
    },
    stop,
  };
}

/** For a log: a line at each tenth, and none for what is over within moments. */
export function loadLines(log: Logger, now: () => number = () => performance.now()): LoadView {
  let toldAt = now();
  let told: { readonly phase: string; readonly percent: number | undefined } | undefined;
  return {
    show({ phase, share, doneBytes, totalBytes }) {
      const percent = share === undefined ? undefined : Math.floor(share * 10) * 10;
      if (told?.phase === phase && told.percent === percent) return;
      // Whoever was told of one phase wants to hear of the next, which may say nothing more of itself.
      const next = told !== undefined && told.phase !== phase;
      if (!next && now() - toldAt < LINE_EVERY_MS) return;
      toldAt = now();
      told = { phase, percent };
      const fields = {
        ...(percent !== undefined && { percent }),
        ...(doneBytes !== undefined && { done_bytes: doneBytes }),
        ...(totalBytes !== undefined && { total_bytes: totalBytes }),
      };
      log.info(fields, `${phase} the model`);
    },
    stop() {},
  };
}

const LINE_EVERY_MS = 1_000;

function bytesOf({ doneBytes, totalBytes }: LoadStep): string {
  if (doneBytes === undefined || totalBytes === undefined) return "";
  return ` | ${megabytes(doneBytes)} of ${megabytes(totalBytes)} MB`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
