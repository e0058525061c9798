import { Fault } from "./input-file.ts";

/** One item of a data set. */
export type DatasetItem =
  | { readonly kind: "texts"; readonly system?: string; readonly turns: readonly DatasetTurn[] }
  /** Of a trace without moments: how long, and which blocks of the prompt it shares with others. */
  | ({ readonly kind: "lengths" } & RecordedLengths);

export interface DatasetTurn {
  readonly content: string;
  /** What was answered where the data were gathered; its length is that of the answer to ask for. */
  readonly answer?: string;
  readonly maxTokens?: number;
}

export interface RecordedLengths {
  readonly inputTokens: number;
  readonly outputTokens?: number;
  /** One for each 512 tokens of the prompt: equal ids, equal texts. */
  readonly hashIds?: readonly number[];
}

/** Tokens per hash id in Mooncake's traces. */
export const BLOCK_TOKENS = 512;

/** The names that vLLM, OpenAI and others give the length of the answer. */
export const OUTPUT_NAMES = [
  "max_tokens",
  "max_completion_tokens",
  "output_len",
  "output_tokens",
  "output_length",
] as const;

/** Reads one item; undefined for a conversation in which nobody asks. @throws Fault saying what would be right. */
export function readItem(json: string): DatasetItem | undefined {
  const item = parseObject(json);
  if (typeof item.prompt === "string") {
    if (item.prompt.trim() === "") throw new Fault('has an empty "prompt".');
    const system = typeof item.system === "string" ? { system: item.system } : {};
    return { kind: "texts", ...system, turns: [{ content: item.prompt, ...outputTokens(item) }] };
  }
  if (Array.isArray(item.messages)) return conversation(item, item.messages, "role", "content");
  if (Array.isArray(item.conversations)) return conversation(item, item.conversations, "from", "value");
  if (item.input_length !== undefined) return { kind: "lengths", ...recordedLengths(item) };
  throw new Fault(
    'should have "prompt" (a text), "messages", "conversations" or "input_length", for example {"prompt": "Why is the sky blue?", "max_tokens": 64}.',
  );
}

/** @throws Fault where a length is no number, or the ids do not fit it. */
export function recordedLengths(item: Readonly<Record<string, unknown>>): RecordedLengths {
  const inputTokens = count(item, "input_length", 1)!;
  const output = outputTokens(item).maxTokens;
  const ids = item.hash_ids ?? [];
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === "number")) {
    throw new Fault('should have numbers as "hash_ids", for example [46, 47, 2353].');
  }
  const blocks = Math.ceil(inputTokens / BLOCK_TOKENS);
  if (ids.length > blocks) {
    throw new Fault(
      `has ${ids.length} hash_ids for ${inputTokens} tokens; there is one for each ${BLOCK_TOKENS} tokens, ${blocks} here.`,
    );
  }
  return {
    inputTokens,
    ...(output !== undefined && { outputTokens: output }),
    ...(ids.length > 0 && { hashIds: ids }),
  };
}

export function parseObject(json: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new Fault(`is not JSON: ${(error as Error).message}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new Fault('should be an object, for example {"prompt": "Why is the sky blue?"}.');
}

/** A whole number of at least `least`, which files of figures may have written as 12.0 or "12". */
export function count(
  item: Readonly<Record<string, unknown>>,
  name: string,
  least: number,
): number | undefined {
  const given = item[name];
  if (given === undefined || given === null) return undefined;
  const value = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
  throw new Fault(`has ${JSON.stringify(given)} as "${name}"; it should be a whole number from ${least} on.`);
}

function outputTokens(item: Readonly<Record<string, unknown>>): { maxTokens?: number } {
  const name = OUTPUT_NAMES.find((key) => item[key] !== undefined && item[key] !== null);
  const maxTokens = name === undefined ? undefined : count(item, name, 1);
  return maxTokens === undefined ? {} : { maxTokens };
}

const SPEAKERS: Readonly<Record<string, "system" | "user" | "assistant">> = {
  system: "system",
  developer: "system",
  user: "user",
  human: "user",
  assistant: "assistant",
  gpt: "assistant",
  chatgpt: "assistant",
  model: "assistant",
  bing: "assistant",
  bard: "assistant",
};

function conversation(
  item: Readonly<Record<string, unknown>>,
  messages: readonly unknown[],
  speakerKey: string,
  textKey: string,
): DatasetItem | undefined {
  const systems: string[] = [];
  const turns: { content: string; answer?: string; maxTokens?: number }[] = [];
  for (const [i, message] of messages.entries()) {
    const { [speakerKey]: speaker, [textKey]: value } = (message ?? {}) as Record<string, unknown>;
    const text = textOf(value);
    const who = Object.hasOwn(SPEAKERS, String(speaker)) ? SPEAKERS[String(speaker)] : undefined;
    if (who === undefined || text === undefined) {
      throw new Fault(
        `has a message ${i + 1} that is not understood; it should have "${speakerKey}" (${speakerKey === "from" ? "human, gpt" : "user, assistant"} or system) and a text as "${textKey}".`,
      );
    }
    if (who === "system") systems.push(text);
    else if (who === "user") turns.push({ content: text });
    // An answer to nobody, as where a conversation was cut, has no turn to belong to.
    else if (turns.length > 0) turns.at(-1)!.answer = text;
  }
  const asked = turns.filter(({ content }) => content.trim() !== "");
  if (asked.length === 0) return undefined;
  Object.assign(asked.at(-1)!, outputTokens(item));
  return { kind: "texts", ...(systems.length > 0 && { system: systems.join("\n\n") }), turns: asked };
}

/** A text, or OpenAI's list of parts when all of them are texts. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return undefined;
  const texts = value.map((part) => (part as { text?: unknown } | null)?.text);
  return texts.every((text) => typeof text === "string") ? texts.join("\n") : undefined;
}
