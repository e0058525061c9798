import { meanLength, type Plan } from "../plan/plan.ts";
import type { Finding } from "../result.ts";
import type { LevelSummary, RequestFacts } from "../summarize/summary.ts";
import { formatRatio } from "../units.ts";
import type { Doubt } from "./doubt.ts";

/**
 * What the server had of a level's prompts in its cache, as shares of their tokens: prompts that it has seen are
 * answered sooner, and two measurements compare only where it had seen as much of one as of the other.
 */

/** By the server's own count in its answers; undefined where none has it. */
export function cacheHitRatio({ requests }: LevelSummary): number | undefined {
  const told = requests.filter(tellsCached);
  return told.length === 0 ? undefined : sum(told.map(cachedOf)) / sum(told.map(inputOf));
}

/** Asked for by several checks, of every request. */
const UNSHARED = new WeakMap<LevelSummary, { readonly ratio: number | undefined }>();

/**
 * Beyond what the plan has prompts share with those before them: what an earlier run left behind, or another client.
 * By the answers, else by the target's own page; undefined where neither tells.
 */
export function unsharedHitRatio(plan: Plan, summary: LevelSummary): number | undefined {
  const known = UNSHARED.get(summary) ?? { ratio: findUnshared(plan, summary) };
  UNSHARED.set(summary, known);
  return known.ratio;
}

function findUnshared(plan: Plan, summary: LevelSummary): number | undefined {
  const known = summary.requests.filter(tellsInput);
  const told = known.filter(tellsCached);
  const ratio = pageRatio(summary);
  if (told.length === 0 && ratio === undefined) return undefined;
  const allowed = allowance(plan, known);
  if (told.length > 0) {
    const beyond = told.map((request) =>
      cachedOf(request) > allowed(request) ? Math.max(0, cachedOf(request) - sharedOf(request)) : 0,
    );
    return sum(beyond) / sum(told.map(inputOf));
  }
  if (ratio === undefined) return undefined;
  const inputs = sum(known.map(inputOf));
  if (inputs > 0) {
    const mayHit = sum(known.map((request) => Math.min(inputOf(request), allowed(request))));
    return ratio * inputs > mayHit ? Math.max(0, ratio - sum(known.map(sharedOf)) / inputs) : 0;
  }
  const { prefixTokens, input, turns, trace } = plan.workload;
  if (!isSynthetic(plan) || trace !== undefined || turns > 1) return undefined;
  const planned = prefixTokens + meanLength(input);
  return ratio * planned > prefixTokens + TEMPLATE_TOKENS ? ratio - prefixTokens / planned : 0;
}

/** A smaller share of the prompts moves ttft by less than other things do. */
const MOST_UNSHARED = 0.05;
/** Between base and head, whose shares vary with who came first. */
const MOST_DIFFERENT = 0.1;

/** What follows from how much of a prompt has to be read. */
const FIGURES: readonly string[] = ["ttft", "ttft_sent", "e2e"];

/** Synthetic prompts that the server had: they were answered sooner than those that it has not seen would be. */
export function promptCacheHits(plan: Plan, summary: LevelSummary): Doubt | undefined {
  const finding = hits(plan, summary);
  if (finding === undefined || !isSynthetic(plan)) return undefined;
  return {
    finding: {
      ...finding,
      matters:
        "What is in the cache is not computed again: ttft is that of prompts which the server had seen.",
      advice:
        "Leave prompt-salt out and keep other clients away, or say prompt-cache: warm where a warm cache is meant.",
    },
    truth: (figure) => {
      if (figure.kind === "goodput_ratio") return figure.criteria.some(isTouched) ? "lower" : undefined;
      return isTouched(figure) ? "higher" : undefined;
    },
  };
}

/** Whoever brings prompts may mean them to come again, and nobody else may change them. */
export function givenPromptsSeen(plan: Plan, summary: LevelSummary): Finding | undefined {
  const finding = hits(plan, summary);
  if (finding === undefined || isSynthetic(plan)) return undefined;
  return {
    ...finding,
    level: "note",
    matters:
      "Prompts that are not synthetic are sent as they are: of those that came before, in this run or an earlier one, ttft is that of the cache.",
    advice:
      "Give a prompt for every request and start the server afresh, or say prompt-cache: warm where a warm cache is meant.",
  };
}

function hits(plan: Plan, summary: LevelSummary) {
  if (plan.workload.promptCache === "warm") return undefined;
  const ratio = unsharedHitRatio(plan, summary);
  if (ratio === undefined || ratio <= MOST_UNSHARED) return undefined;
  return {
    code: "prompt_cache_hits",
    touches: FIGURES,
    happened: `The server had ${formatRatio(ratio)} of the prompts' tokens in its cache, beyond what the plan has them share.`,
  } as const;
}

/**
 * Sides of which one server had seen more: no comparison of the two may be believed, asked for by an objective or not.
 * @param head, base what each server had of the prompts, beyond what the plan has them share.
 */
export function promptCacheDiffers(
  plan: Plan,
  head: number | undefined,
  base: number | undefined,
): Doubt | undefined {
  if (head === undefined || base === undefined || !isDifferent(base, head)) return undefined;
  return {
    finding: {
      code: "prompt_cache_differs",
      touches: FIGURES,
      happened: `Beyond what the plan has prompts share, ${differenceWords(base, head)}.`,
      matters: "What is in the cache is not computed again: ttft is not of the same work on both sides.",
      advice:
        plan.workload.promptCache === "cold" && isSynthetic(plan)
          ? "Leave prompt-salt out, so that neither server has seen the prompts."
          : "Begin with both caches empty, or send the same prompts to both before.",
    },
    truth: (figure, { subject }) =>
      subject.kind === "regression" && isTouched(figure) ? "either" : undefined,
    always: true,
  };
}

function isTouched(figure: object): boolean {
  return "metric" in figure && FIGURES.includes(figure.metric as string);
}

/** One sentence, where two results were measured with more or less of the prompts in the cache; undefined otherwise. */
export function whyCachesDiffer(base: number | undefined, head: number | undefined): string | undefined {
  if (base === undefined || head === undefined || !isDifferent(base, head)) return undefined;
  return `They did not do the same work: ${differenceWords(base, head)}.`;
}

function isDifferent(base: number, head: number): boolean {
  return Math.abs(head - base) > MOST_DIFFERENT;
}

function differenceWords(base: number, head: number): string {
  return `${formatRatio(base)} of the base's prompts were in its server's cache, and ${formatRatio(head)} of the head's`;
}

/** Blocks of a cache are rounded, and first words may be alike by chance. */
const ROUNDING_TOKENS = 32;
/** Of a chat template, where it cannot be told from the prompt. */
const TEMPLATE_TOKENS = 64;

/**
 * How many tokens of a request may be in the cache: what the plan shares, and what the chat template puts before all
 * prompts. Of plain synthetic prompts its length is known: by so much they are longer than planned.
 */
function allowance(plan: Plan, known: readonly RequestFacts[]): (request: RequestFacts) => number {
  const { input, trace } = plan.workload;
  if (trace !== undefined) {
    // Shared blocks are counted in words, of which the server may make more tokens.
    return ({ sharedTokens = 0 }) => 1.25 * sharedTokens + TEMPLATE_TOKENS;
  }
  if (!isSynthetic(plan)) {
    return ({ sharedTokens = 0, inputTokens = 0 }) =>
      sharedTokens + Math.min(TEMPLATE_TOKENS, 0.75 * inputTokens);
  }
  const fresh = sum(known.map((request) => inputOf(request) - sharedOf(request))) / known.length;
  const more = Math.max(0, fresh - meanLength(input)) + ROUNDING_TOKENS;
  return ({ sharedTokens = 0 }) => sharedTokens + more;
}

/** Its own count of requests tells whether others asked meanwhile: then its hits may be theirs. */
function pageRatio({ record: { server, stretches }, requests }: LevelSummary): number | undefined {
  if (server?.prefix_cache_hit_ratio === undefined) return undefined;
  // A page stands for the last stretch that it was read in.
  const last = requests.filter(({ stretch }) => stretch === stretches.length - 1).length;
  const others = server.requests !== undefined && server.requests > 1.1 * last + 2;
  return others ? undefined : server.prefix_cache_hit_ratio;
}

function isSynthetic({ workload: { prompts, trace } }: Plan): boolean {
  return prompts.kind === "synthetic" || trace !== undefined;
}

function tellsInput({ outcome, inputTokens = 0 }: RequestFacts): boolean {
  return outcome === "completed" && inputTokens > 0;
}

function tellsCached(request: RequestFacts): boolean {
  return tellsInput(request) && request.cachedTokens !== undefined;
}

function inputOf({ inputTokens = 0 }: RequestFacts): number {
  return inputTokens;
}

function sharedOf({ sharedTokens = 0 }: RequestFacts): number {
  return sharedTokens;
}

/** Never more than there is. */
function cachedOf({ cachedTokens = 0, inputTokens = 0 }: RequestFacts): number {
  return Math.min(cachedTokens, inputTokens);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
