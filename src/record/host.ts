import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock } from "../clock.ts";

/**
 * Watches what generating the load costs this thread, since a generator that is out of breath measures
 * itself. Start it when a level's window opens; reading it ends the watch.
 */
export function watchHost(clock: Clock): () => { cpuRatio: number; loopDelayP99: number } {
  const resolutionMs = 10;
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const startNs = clock.now();
  const startCpu = process.threadCpuUsage();
  return () => {
    delay.disable();
    const { user, system } = process.threadCpuUsage(startCpu);
    const elapsedUs = Math.max(1, (clock.now() - startNs) / 1000);
    // The monitor counts its own sampling interval as delay.
    const p99 = delay.count === 0 ? 0 : delay.percentile(99) - resolutionMs * 1e6;
    return { cpuRatio: (user + system) / elapsedUs, loopDelayP99: Math.max(0, Math.round(p99)) };
  };
}
