import { info } from "@actions/core";
import type { Progress } from "../src/index.ts";
import { safeLine } from "./secrets.ts";

/** Often enough that nobody takes a long level for a hang, seldom enough to leave the log readable. */
const EVERY_SECONDS = 30;

/** Prints a line when a level starts, while it goes on, and when it is done. */
export function printProgress(): (progress: Progress) => void {
  let phase = "";
  let toldAtSeconds = 0;
  return (progress) => {
    const started = progress.phase !== phase;
    if (!started && progress.elapsedSeconds - toldAtSeconds < EVERY_SECONDS) return;
    phase = progress.phase;
    toldAtSeconds = progress.elapsedSeconds;
    const { level, levels, name } = progress;
    // A search finds its levels on the way, and knows no number of them.
    const place = levels === undefined ? `${level + 1}` : `${level + 1}/${levels}`;
    info(safeLine(`[${place}] ${name}: ${words(progress, started)}`));
  };
}

function words({ phase, share, completed, failed, requestsPerSecond }: Progress, started: boolean): string {
  const counts = `${completed} completed, ${failed} failed, ${requestsPerSecond.toFixed(1)} a second`;
  switch (phase) {
    case "warmup":
      return "warming up";
    case "measuring":
      return started ? "measuring" : `${Math.floor(share * 100)} %, ${counts}`;
    case "done":
      return `done, ${counts}`;
  }
}
