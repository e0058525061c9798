import type { ModelHolder } from "./model-holder.ts";
import type { SystemSampler } from "./system-sampler.ts";
import type { Telemetry } from "./telemetry.ts";

/** What the routes work with; made once by `serve`, or by a test. */
export interface RouteDeps {
  readonly models: ModelHolder;
  readonly telemetry: Telemetry;
  readonly system: SystemSampler;
  readonly version: string;
  /** What one request is to exceed. */
  readonly targetTokensPerSecond: number;
}
