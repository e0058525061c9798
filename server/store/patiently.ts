import { setTimeout } from "node:timers/promises";
import { ApiError } from "../http/errors.ts";

const PATIENCE_MS = [100, 500, 2_000, 5_000];

/**
 * A database that is started anew is away for seconds, and a run may have taken hours. What is refused for good is
 * not asked for again.
 */
export async function patiently<Value>(work: () => Promise<Value>): Promise<Value> {
  for (const waitMs of PATIENCE_MS) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ApiError && error.status < 500) throw error;
      await setTimeout(waitMs);
    }
  }
  return work();
}
