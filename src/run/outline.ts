import { fewestToMeet } from "../judge/fewest.ts";
import { arrivalOffsets } from "../plan/arrivals.ts";
import { planHash } from "../plan/config.ts";
import { type Level, levelName, type Plan } from "../plan/plan.ts";
import { rampRequests } from "../plan/warmup.ts";
import { openWorkload } from "../plan/workload.ts";
import { NS_PER_S } from "../units.ts";

/** What a plan will do, for people to check before it is done. */
export interface PlanOutline {
  readonly settings: { readonly hash: string };
  readonly levels: readonly {
    readonly name: string;
    readonly ends: string;
    readonly warmupRequests: number;
    /** The last of them: at the level's own rate, and still under way when the window opens. */
    readonly rampRequests: number;
    readonly arrivals?: {
      readonly count: number;
      readonly spanSeconds: number;
      readonly first: readonly number[];
    };
    readonly firstPrompt: string;
  }[];
  /** What the numbers of requests can decide at the best. */
  readonly objectives: readonly {
    readonly text: string;
    /** Only a stored baseline can decide it: the plan measures none. */
    readonly needsStored?: boolean;
    /** Independent requests below which it cannot be met; absent where their number does not say. */
    readonly fewest?: number;
    /** Of the level that has fewest; absent where that is found on the way. */
    readonly planned?: number;
  }[];
}

const FIRST_ARRIVALS = 5;
const PROMPT_LENGTH = 60;

/** @throws ConfigError when a file of the workload cannot be read. */
export async function planOutline(plan: Plan): Promise<PlanOutline> {
  const workload = await openWorkload(plan.workload, plan.seed, plan.promptSalt);
  const offsetsOf = ({ load, stop, index }: Level): Float64Array | undefined => {
    if (load.kind === "replay") return workload.arrivals;
    const open = load.kind === "open" || (load.kind === "stages" && load.of === "rate");
    return open ? arrivalOffsets(load, stop, plan.seed, index) : undefined;
  };
  const { workload: asked, promptSalt } = plan;
  const drawn = promptSalt === undefined && asked.promptCache === "cold";
  const firstWords = drawn && asked.prompts.kind === "synthetic" ? "but for its first three words " : "";
  return {
    settings: { hash: planHash(plan) },
    levels: plan.levels.map((level) => {
      const offsets = offsetsOf(level);
      const [turn] = workload.conversation(level.index, 0).turns;
      const text = turn?.content ?? "";
      return {
        name: levelName(level),
        ends: endsWhen(level),
        warmupRequests: level.warmupRequests,
        rampRequests: rampRequests(level),
        ...(offsets && {
          arrivals: {
            count: offsets.length,
            spanSeconds: (offsets.at(-1) ?? 0) / NS_PER_S,
            first: [...offsets.slice(0, FIRST_ARRIVALS)].map((offset) => offset / NS_PER_S),
          },
        }),
        firstPrompt: `${firstWords}"${text.slice(0, PROMPT_LENGTH)}${text.length > PROMPT_LENGTH ? "…" : ""}", at most ${turn?.maxTokens} tokens back`,
      };
    }),
    objectives: plan.objectives.map((objective) => {
      const fewest = plan.confidence === "none" ? undefined : fewestToMeet(objective, plan.confidence);
      const planned = Math.min(
        ...plan.levels.map(
          (level) => offsetsOf(level)?.length ?? level.stop.requests ?? Number.POSITIVE_INFINITY,
        ),
      );
      return {
        text: objective.text,
        ...(objective.subject.kind === "regression" && plan.baseline === undefined && { needsStored: true }),
        ...(fewest !== undefined && { fewest }),
        ...(Number.isFinite(planned) && { planned }),
      };
    }),
  };
}

function endsWhen({ stop, load }: Level): string {
  const ends = [
    ...(stop.requests === undefined ? [] : [`after ${stop.requests} requests`]),
    ...(stop.durationNs === undefined ? [] : [`after ${stop.durationNs / NS_PER_S} s`]),
  ];
  return ends.length === 0 && load.kind === "replay" ? "with the trace" : ends.join(" or ");
}
