import { WebSocket } from "ws";
import { messageOf } from "./run-messages.ts";
import type { RunEvent } from "./run-request.ts";

/** Beyond this much unsent, a watcher is too slow for news that the next news will replace. */
const BACKLOG_BYTES = 64 * 1024;

/** All who watch one run; what they are sent is written once, however many they are. */
export class RunRoom {
  readonly #runId: string;
  /** And whether they were told of its end already. */
  readonly #watchers = new Map<WebSocket, boolean>();

  constructor(runId: string) {
    this.#runId = runId;
  }

  get size(): number {
    return this.#watchers.size;
  }

  add(watcher: WebSocket, knowsEnd: boolean): void {
    this.#watchers.set(watcher, knowsEnd);
  }

  remove(watcher: WebSocket): void {
    this.#watchers.delete(watcher);
  }

  tell(event: RunEvent): void {
    if (this.#watchers.size === 0) return;
    const bytes = Buffer.from(messageOf(this.#runId, event));
    for (const [watcher, knowsEnd] of this.#watchers) {
      if (watcher.readyState !== WebSocket.OPEN) continue;
      if (knowsEnd && event.kind === "ended") continue;
      if (event.kind === "progress" && watcher.bufferedAmount > BACKLOG_BYTES) continue;
      watcher.send(bytes, { binary: false });
    }
  }
}
