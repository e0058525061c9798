import { random } from "../random.ts";
import { BUILTIN_PROMPTS } from "./builtin-prompts.ts";
import { type Dataset, readDataset } from "./dataset.ts";
import { BLOCK_TOKENS, type DatasetItem, type RecordedLengths } from "./dataset-item.ts";
import { drawLength } from "./lengths.ts";
import type { Workload } from "./plan.ts";
import { type PromptId, type PromptWriter, promptWriter, shuffled } from "./prompts.ts";
import { openTokenizer, type Tokenizer } from "./tokenizer.ts";
import { readTrace } from "./trace.ts";

/** What is sent, one conversation at a time. */
export interface WorkloadSource {
  /** The `index`-th conversation of a stream ("warmup 0", or a level's index): the same for the same seed, whenever asked. */
  conversation(stream: string | number, index: number): Conversation;
  /** Moments of a trace, whole nanoseconds from its start, ascending; its n-th conversation comes at the n-th. */
  readonly arrivals?: Float64Array;
  /** Prompts or conversations of a set, requests of a trace. From this index on they come again; absent: none does. */
  readonly items?: number;
  /** What was in the file and cannot be sent: conversations in which nobody asks, requests that failed when recorded. */
  readonly skipped?: number;
}

export interface Conversation {
  readonly system?: string;
  /** At least one. Each is sent with the turns and answers before it. */
  readonly turns: readonly Turn[];
}

export interface Turn {
  readonly content: string;
  readonly maxTokens: number;
  /** What the plan lets a prefix cache find: tokens at its beginning that prompts before it have too. */
  readonly sharedTokens?: number;
}

/**
 * @param salt that synthetic prompts begin by, where the plan wants them cold.
 * @throws ConfigError naming what cannot be read, and where in it.
 */
export async function openWorkload(workload: Workload, seed: number, salt?: string): Promise<WorkloadSource> {
  const { prompts, trace, tokenizer: path } = workload;
  const tokenizer = path === undefined ? undefined : await openTokenizer(path);
  const context = { workload, seed, tokenizer, writer: promptWriter(seed, tokenizer, salt) };
  if (trace !== undefined) {
    const { arrivals, requests, skipped } = await readTrace(trace.path, trace.format, trace.timeScale);
    const items = requests.map((lengths) => ({ kind: "lengths", ...lengths }) as const);
    return { ...fromItems(context, { items, skipped }, "as they come"), arrivals };
  }
  switch (prompts.kind) {
    case "synthetic": {
      // The same in all of them, so made once.
      const lead =
        workload.prefixTokens === 0 ? [] : [context.writer.shared(workload.prefixTokens, "prefix")];
      return { conversation: (stream, index) => synthetic(context, lead, stream, index) };
    }
    case "builtin": {
      const items = BUILTIN_PROMPTS.map((content) => ({ kind: "texts", turns: [{ content }] }) as const);
      return fromItems(context, { items, skipped: 0 }, "shuffled");
    }
    case "file": {
      const dataset = await readDataset(prompts.path);
      // Requests that share blocks are a trace without moments: which comes after which is part of it.
      const isTrace = dataset.items.some((item) => item.kind === "lengths" && item.hashIds !== undefined);
      return fromItems(context, dataset, isTrace ? "as they come" : "shuffled");
    }
  }
}

interface Context {
  readonly workload: Workload;
  readonly seed: number;
  readonly tokenizer: Tokenizer | undefined;
  readonly writer: PromptWriter;
}

/** The shared prefix comes before the drawn length, as in other tools. */
function synthetic(
  context: Context,
  lead: readonly string[],
  stream: string | number,
  index: number,
): Conversation {
  const { workload, writer } = context;
  const turns = Array.from({ length: workload.turns }, (_, turn) => {
    const id = { stream, index, turn };
    const tokens = planned(context, "input", id);
    return {
      content: turn === 0 ? writer.write(workload.prefixTokens + tokens, id, lead) : writer.write(tokens, id),
      maxTokens: planned(context, "output", id),
      ...(turn === 0 && workload.prefixTokens > 0 && { sharedTokens: workload.prefixTokens }),
    };
  });
  return { turns };
}

/** Every stream has an order of its own, so that no level finds just the prompts that the last one left in a cache. */
function fromItems(
  context: Context,
  { items, skipped }: Dataset,
  order: "shuffled" | "as they come",
): WorkloadSource {
  const sharedTokens = sharedTokensOf(items);
  const orders = new Map<string | number, readonly DatasetItem[]>();
  const orderOf = (stream: string | number) => {
    if (order === "as they come") return items;
    if (!orders.has(stream)) orders.set(stream, shuffled(items, random(context.seed, "order", stream)));
    return orders.get(stream)!;
  };
  return {
    conversation(stream, index) {
      const item = orderOf(stream)[index % items.length]!;
      const lap = Math.floor(index / items.length);
      if (item.kind === "lengths")
        return recorded(context, item, { stream, index }, lap, sharedTokens.get(item));
      const turns = item.turns.map(({ content, answer, maxTokens }, turn) => ({
        content,
        maxTokens:
          maxTokens ??
          lengthOf(answer, context.tokenizer) ??
          planned(context, "output", { stream, index, turn }),
      }));
      return { ...(item.system !== undefined && { system: item.system }), turns };
    },
    items: items.length,
    ...(skipped > 0 && { skipped }),
  };
}

/**
 * Equal hash ids become equal texts, so that a prefix cache finds what it found when the trace was recorded;
 * but not across streams or laps, where it would find all.
 */
function recorded(
  context: Context,
  lengths: RecordedLengths,
  id: PromptId,
  lap: number,
  sharedTokens: number | undefined,
): Conversation {
  const { writer } = context;
  const lead = (lengths.hashIds ?? []).map((hashId) =>
    writer.shared(BLOCK_TOKENS, "block", id.stream, lap, hashId),
  );
  const maxTokens = lengths.outputTokens ?? planned(context, "output", id);
  const content = writer.write(lengths.inputTokens, id, lead);
  return { turns: [{ content, maxTokens, ...(sharedTokens !== undefined && { sharedTokens }) }] };
}

/** What each item of a trace has in common with those before it: its leading blocks that were there already. */
function sharedTokensOf(items: readonly DatasetItem[]): ReadonlyMap<DatasetItem, number> {
  const seen = new Set<number>();
  const shared = new Map<DatasetItem, number>();
  for (const item of items) {
    if (item.kind !== "lengths" || item.hashIds === undefined) continue;
    const fresh = item.hashIds.findIndex((hashId) => !seen.has(hashId));
    const blocks = fresh === -1 ? item.hashIds.length : fresh;
    if (blocks > 0) shared.set(item, Math.min(item.inputTokens, blocks * BLOCK_TOKENS));
    for (const hashId of item.hashIds) seen.add(hashId);
  }
  return shared;
}

/** Input and output draw from streams of their own: changing one leaves the other as it is. */
function planned({ workload, seed }: Context, side: "input" | "output", id: PromptId): number {
  const lengths = workload[side];
  // A stream of chance costs more than a prompt's words, and most lengths need none.
  if (lengths.kind === "fixed") return lengths.tokens;
  return drawLength(
    lengths,
    random(seed, "lengths", side, id.stream, id.index, ...(id.turn ? [id.turn] : [])),
  );
}

function lengthOf(answer: string | undefined, tokenizer: Tokenizer | undefined): number | undefined {
  if (answer === undefined || tokenizer === undefined) return undefined;
  return Math.max(1, tokenizer.count(answer));
}
