import type { MeasuredRun, Run } from "../../store/run-store.ts";
import { resultView } from "../results/result-view.ts";
import { progressView } from "./progress-view.ts";
import type { RunEvent, RunProgress } from "./run-request.ts";

/** What those who watch a run are sent; one text for all of them. */
export function messageOf(runId: string, event: RunEvent): string {
  switch (event.kind) {
    case "progress":
      return progressMessage({ runId, status: "running" }, event.progress);
    case "validation": {
      const { step, message, status } = event;
      const timestamp = new Date().toISOString();
      return JSON.stringify({
        type: "validation_log",
        run_id: runId,
        validation_log: { step, message, status, timestamp },
      });
    }
    case "ended":
      return stateMessage(event.run);
  }
}

export function progressMessage(
  { runId, status }: Pick<Run, "runId" | "status">,
  progress: RunProgress,
): string {
  return JSON.stringify({ type: "progress", run_id: runId, status, ...progressView(progress) });
}

/** The last one of a run: "completed", "failed" or "cancelled"; of one that nobody here knows more of, its status. */
export function stateMessage(run: MeasuredRun): string {
  const { runId, status, error, result } = run;
  const summary = result && (resultView(run) as { readonly summary?: unknown }).summary;
  return JSON.stringify({
    type: status === "pending" || status === "running" ? "progress" : status,
    run_id: runId,
    status,
    ...(summary !== undefined && { summary }),
    ...(error && { error }),
  });
}
