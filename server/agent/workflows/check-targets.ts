import { ConfigError } from "../../settings/config-error.ts";
import type { Targets } from "../../settings/targets.ts";
import type { InstancePlan } from "./instance-plan.ts";

/**
 * Looks when the server starts, rather than when a change has been approved.
 * @throws ConfigError with every address of the operator's file that may not be asked.
 */
export async function checkTargets(
  plans: ReadonlyMap<string, InstancePlan>,
  targets: Pick<Targets, "check">,
): Promise<void> {
  const checks = [...plans.values()]
    .flatMap(addressesOf)
    .map(([field, url]) => targets.check(url, `WORKFLOWS_FILE: ${field}`));
  const mistakes = (await Promise.allSettled(checks)).flatMap((one) =>
    one.status === "rejected" ? [(one.reason as Error).message] : [],
  );
  if (mistakes.length > 0) throw new ConfigError(mistakes);
}

function addressesOf({ instanceId, load, readyUrl, metricsUrl }: InstancePlan) {
  const url = String(load.url);
  const addresses: [field: string, url: string][] = [[`instances.${instanceId}.load.url`, url]];
  // Where nobody has named one, it is of the same server, which is told once.
  if (new URL(readyUrl).origin !== new URL(url).origin)
    addresses.push([`instances.${instanceId}.ready_url`, readyUrl]);
  if (metricsUrl !== undefined) addresses.push([`instances.${instanceId}.metrics_url`, metricsUrl]);
  return addresses;
}
