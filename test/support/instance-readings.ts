import { readFileSync } from "node:fs";
import type { Agent } from "../../server/agent/agent.ts";
import { type InstanceMetrics, readInstanceMetrics } from "../../server/agent/collect/instance-metrics.ts";

/** One of the pages of an engine, of which there are two, ten seconds apart. */
export function metricsPage(engine: string, moment: "before" | "after"): string {
  return readFileSync(`test/fixtures/metrics/${engine}-${moment}.prom`, "utf8");
}

/** What a poll of an engine reads. */
export function readingOf(engine: string): InstanceMetrics {
  return readInstanceMetrics(metricsPage(engine, "after"), {
    text: metricsPage(engine, "before"),
    secondsAgo: 10,
    forRateOnly: false,
  });
}

/** An instance that is watched, with readings half a minute apart up to now. */
export async function watched(
  { history }: Agent,
  instanceId: string,
  readings: readonly InstanceMetrics[] = [readingOf("vllm")],
): Promise<void> {
  const at = (number: number) => new Date(Date.now() - 30_000 * (readings.length - number)).toISOString();
  const metricsUrl = "http://10.1.2.3:8000/metrics";
  await history.register({ instanceId, instanceType: "vllm", metricsUrl }, at(0));
  for (const [number, metrics] of readings.entries())
    await history.add(instanceId, { at: at(number), metrics });
}
