import type { Plan } from "../plan/plan.ts";
import type { Finding } from "../result.ts";
import type { LevelSummary } from "../summarize/summary.ts";
import { THROUGHPUTS } from "./generator-doubts.ts";

/** Requests that this machine refused: the server never saw them, so what it was asked for is not the plan. */
export function clientLimit(_plan: Plan, { requests, failures }: LevelSummary): Finding | undefined {
  const refused = failures.get("client_limit");
  if (refused === undefined) return undefined;
  return {
    code: "client_limit",
    level: "invalid",
    touches: ["error_rate", "goodput_ratio", ...THROUGHPUTS],
    happened: `${refused.count} of ${requests.length} requests failed on the machine that generates the load: ${refused.example}.`,
    matters:
      "They are failures, but not the server's, which was spared their load: no figure is that of the plan.",
    advice: adviceOf(refused.example),
  };
}

function adviceOf(example: string): string {
  if (/\b(EMFILE|ENFILE)\b/.test(example)) {
    return "Raise the limit of open files (ulimit -n; for the whole machine fs.file-max), keep fewer connections open, or spread the load over more shards.";
  }
  if (/\bEADDRNOTAVAIL\b/.test(example)) {
    return "Widen the range of local ports (net.ipv4.ip_local_port_range), keep connections alive so that fewer are opened, or spread the load over more machines.";
  }
  return "Give this machine more memory or larger limits for sockets, keep fewer connections open, or spread the load over more machines.";
}
