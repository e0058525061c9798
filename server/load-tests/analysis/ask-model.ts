import { type Dispatcher, request } from "undici";
import { type Said, ThinkSplitter } from "./think-splitter.ts";

export interface ModelQuestion {
  /** http://host, or http://host/v1. */
  readonly serverUrl: string;
  readonly model: string;
  readonly question: string;
  /** Thoughts may come as `<think>…</think>` within the text. */
  readonly isThinking: boolean;
  readonly dispatcher: Dispatcher;
  /** Aborted when nobody listens any more. */
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
}

/** One sentence for whoever asked; nothing of what the server said is in it. */
export class ModelError extends Error {}

const TIMEOUT_MS = 180_000;
const MOST_TOKENS = 4096;
const MOST_CHARACTERS = 256 * 1024;
const MOST_BYTES = 16 * 1024 * 1024;
const MOST_LINE = 1024 * 1024;

/** What a model answers, as it comes. @throws ModelError when it cannot be reached, or does not end well. */
export async function* askModel(question: ModelQuestion): AsyncGenerator<Said> {
  const { isThinking, signal, timeoutMs = TIMEOUT_MS } = question;
  const timeout = AbortSignal.timeout(timeoutMs);
  const splitter = new ThinkSplitter();
  let characters = 0;
  try {
    const answer = await request(chatUrl(question.serverUrl), {
      ...orderOf(question),
      signal: AbortSignal.any([timeout, signal]),
    });
    if (answer.statusCode !== 200) {
      answer.body.destroy();
      throw new ModelError(`The model's server answered with status ${answer.statusCode}.`);
    }
    for await (const data of eventsOf(answer.body)) {
      if (data === "[DONE]") break;
      for (const said of saidBy(data, isThinking ? splitter : undefined)) {
        characters += ("content" in said ? said.content : said.thinking).length;
        if (characters > MOST_CHARACTERS) throw new ModelError("The model's answer is too long.");
        yield said;
      }
    }
    yield* splitter.flush();
  } catch (error) {
    if (error instanceof ModelError) throw error;
    if (timeout.aborted) throw new ModelError(`The model did not end within ${timeoutMs / 1000} s.`);
    const { code } = error as { code?: unknown };
    const why = typeof code === "string" && /^\w+$/.test(code) ? ` (${code})` : "";
    throw new ModelError(`The model's server cannot be reached${why}.`);
  }
  if (characters === 0) throw new ModelError("The model answered nothing.");
}

function chatUrl(serverUrl: string): string {
  const url = new URL(serverUrl);
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = path.endsWith("/v1") ? `${path}/chat/completions` : `${path}/v1/chat/completions`;
  url.hash = "";
  return url.href;
}

function orderOf({ model, question, dispatcher }: ModelQuestion) {
  return {
    method: "POST",
    dispatcher,
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({
      model,
      stream: true,
      max_tokens: MOST_TOKENS,
      temperature: 0.2,
      messages: [{ role: "user", content: question }],
    }),
  } as const;
}

/** What stands behind `data:`, line by line: a chunk of a chat completion is one line. */
async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let begun = "";
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.byteLength;
    if (bytes > MOST_BYTES) throw new ModelError("The model's answer is too large.");
    const lines = (begun + decoder.decode(piece, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    begun = lines.pop() ?? "";
    if (begun.length > MOST_LINE) throw new ModelError("The model's answer is too large.");
    for (const line of lines) if (line.startsWith("data:")) yield line.slice("data:".length).trim();
  }
  if (begun.startsWith("data:")) yield begun.slice("data:".length).trim();
}

interface Chunk {
  readonly error?: unknown;
  readonly choices?: readonly {
    readonly delta?: {
      readonly content?: unknown;
      readonly reasoning_content?: unknown;
      readonly reasoning?: unknown;
    } | null;
  }[];
}

function* saidBy(data: string, splitter: ThinkSplitter | undefined): Generator<Said> {
  let chunk: Chunk | null;
  try {
    chunk = JSON.parse(data) as Chunk | null;
  } catch {
    throw new ModelError("The model's server answered with something that is no JSON.");
  }
  if (chunk?.error != null) throw new ModelError("The model's server ended its answer with an error.");
  const delta = Array.isArray(chunk?.choices) ? chunk.choices[0]?.delta : undefined;
  const thought = delta?.reasoning_content ?? delta?.reasoning;
  const thinking = typeof thought === "string" ? plainText(thought) : "";
  if (thinking !== "") yield { thinking };
  const content = typeof delta?.content === "string" ? plainText(delta.content) : "";
  if (content === "") return;
  if (splitter === undefined) yield { content };
  else yield* splitter.push(content);
}

/** Without control characters, and without those that turn the direction of reading: they are no text. */
function plainText(text: string): string {
  return text.toWellFormed().replaceAll(/(?![\n\t])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, "");
}
