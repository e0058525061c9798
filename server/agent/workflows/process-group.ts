import { spawn } from "node:child_process";
import type { Clock } from "../../../src/index.ts";

/** Processes started with `detached` are groups of their own where there are groups. */
export const OWN_GROUP = process.platform !== "win32";

const TERM_MS = 5_000;
const KILL_MS = 1_000;
const LOOK_EVERY_MS = 50;

/** Ends a process and all that it has started: asks, waits, and then does not ask. Resolves when they are gone. */
export async function endGroup(pid: number, clock: Clock): Promise<void> {
  signalGroup(pid, "SIGTERM");
  if (await isGone(pid, clock, TERM_MS)) return;
  signalGroup(pid, "SIGKILL");
  // Not for ever: where nobody collects the dead, they stay in the group.
  await isGone(pid, clock, KILL_MS);
}

async function isGone(pid: number, clock: Clock, withinMs: number): Promise<boolean> {
  const untilNs = clock.now() + withinMs * 1e6;
  for (;;) {
    if (!signalGroup(pid, 0)) return true;
    if (clock.now() >= untilNs) return false;
    await new Promise<void>((resolve) => clock.alarm(clock.now() + LOOK_EVERY_MS * 1e6, resolve));
  }
}

/** Whether there was anybody to signal. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    if (OWN_GROUP) return process.kill(-pid, signal);
    if (signal === 0) return process.kill(pid, 0);
    spawn("taskkill", ["/pid", String(pid), "/t", "/f"], { stdio: "ignore" }).on("error", () => {});
    return true;
  } catch {
    return false;
  }
}
