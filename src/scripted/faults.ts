import { random } from "../random.ts";
import type { Fault, Script } from "./script.ts";

export const FAIL_KINDS = [
  "status_500",
  "status_429",
  "reset",
  "truncate",
  "error_event",
  "silence",
] as const;
export type FailKind = (typeof FAIL_KINDS)[number];

/** Spoils that share of requests, by a draw of its own for each, so that the same seed spoils the same ones. */
export function randomFaults(rate: number, kind: FailKind, seed: number): NonNullable<Script["fault"]> {
  const fault = faultOf(kind);
  return (request) => (random(seed, "fault", request).uniform() < rate ? fault : undefined);
}

function faultOf(kind: FailKind): Fault {
  switch (kind) {
    case "status_500":
      return { kind: "status", status: 500 };
    case "status_429":
      return { kind: "status", status: 429, message: "too many requests", headers: { "retry-after": "1" } };
    case "reset":
    case "truncate":
      return { kind, afterChunks: 1 };
    case "error_event":
      return { kind, message: "scripted failure" };
    case "silence":
      return { kind };
  }
}
