import type { MeasuredRun, Run, RunChanges, RunFailure } from "../../store/run-store.ts";
import type { RunChild } from "./run-child.ts";
import { INTERRUPTED } from "./run-failure.ts";
import type { RunEvent, RunProgress, RunRequest } from "./run-request.ts";

/** How a run ends that is not left to its own end. */
type Ending = "cancelled" | "removed" | "interrupted";

/** A run that waits or goes on, those who watch it, and how it is to end when it is not left to. */
export class ActiveRun {
  run: Run;
  readonly request: RunRequest;
  progress: RunProgress;
  child: RunChild | undefined;
  ending: Ending | undefined;
  readonly #listeners = new Set<(event: RunEvent) => void>();
  readonly #stopped = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<MeasuredRun | undefined>();

  constructor(run: Run, request: RunRequest, progress: RunProgress) {
    this.run = run;
    this.request = request;
    this.progress = progress;
  }

  /** Undefined when it was removed. */
  get ended(): Promise<MeasuredRun | undefined> {
    return this.#ended.promise;
  }

  /** Resolves when it is not to go on. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  endAs(ending: Ending): void {
    // A run that is removed or interrupted while it is being stopped is no longer only stopped.
    if (this.ending === undefined || this.ending === "cancelled") this.ending = ending;
    this.#stopped.resolve();
  }

  /** What every line of the log about it has. */
  get marks() {
    const { requestId } = this.request;
    return { run_id: this.run.runId, ...(requestId !== undefined && { request_id: requestId }) };
  }

  subscribe(listener: (event: RunEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(event: RunEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  advance(progress: RunProgress): void {
    this.progress = progress;
    this.tell({ kind: "progress", progress });
  }

  end(run: MeasuredRun): void {
    this.tell({ kind: "ended", run });
    this.#listeners.clear();
    this.#ended.resolve(this.ending === "removed" ? undefined : run);
  }

  /** How a run ends that is not completed, for the given reason or because somebody stopped it. */
  endedWith(cause: RunFailure | undefined): RunChanges {
    switch (this.ending) {
      case "cancelled":
      case "removed":
        return { status: "cancelled" };
      case "interrupted":
        return { status: "failed", error: INTERRUPTED };
      case undefined:
        return { status: "failed", ...(cause && { error: cause }) };
    }
  }
}
