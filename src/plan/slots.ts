import { NS_PER_S } from "../units.ts";
import type { Stage } from "./plan.ts";

/** When a slot of a closed loop, a place for one request at a time, opens and closes; from the level's start. */
export interface SlotTimes {
  readonly startNs: number;
  readonly endNs: number;
}

/**
 * Slots that open and close so that their number follows the stages' line, rounded to the nearest whole:
 * the k-th is open while the line is at k − ½ or above. Rounding, rather than cutting off, spends as much
 * slot time on a ramp as the line itself. What opened last closes first. In the order they open.
 */
export function concurrencySlots(stages: readonly Stage[]): readonly SlotTimes[] {
  const most = Math.round(Math.max(0, ...stages.map(({ target }) => target)));
  const slots = Array.from({ length: most }, (_, k) => timesAbove(stages, k + 0.5)).flat();
  return slots.toSorted((a, b) => a.startNs - b.startNs);
}

/** One slot per user, the first at once, the others one after the other at an even rate; they stay to the end. */
export function userSlots(users: number, spawnPerSecond: number): readonly SlotTimes[] {
  return Array.from({ length: users }, (_, k) => ({
    startNs: Math.round((k / spawnPerSecond) * NS_PER_S),
    endNs: Number.POSITIVE_INFINITY,
  }));
}

/** A line that ends above the height closes with the last stage. */
function timesAbove(stages: readonly Stage[], height: number): SlotTimes[] {
  const times: SlotTimes[] = [];
  let opened: number | undefined;
  let from = 0;
  let startNs = 0;
  for (const { durationNs, target } of stages) {
    const crossing = () => Math.round(startNs + (durationNs * (height - from)) / (target - from));
    if (opened === undefined && target >= height) {
      opened = crossing();
    } else if (opened !== undefined && target < height) {
      times.push({ startNs: opened, endNs: crossing() });
      opened = undefined;
    }
    from = target;
    startNs += durationNs;
  }
  if (opened !== undefined) times.push({ startNs: opened, endNs: startNs });
  return times;
}
