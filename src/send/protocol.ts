import type { ProtocolName } from "../plan/plan.ts";
import { openaiChat, openaiCompletions } from "./openai.ts";

/** What a request asks of a model, in no server's words. */
export interface Prompt {
  readonly model: string;
  readonly text: string;
  readonly maxTokens: number;
}

/** What one event of an answer's stream says. */
export interface StreamEvent {
  /** It carries output: text, reasoning, a refusal, a tool call. A role or an empty delta is none. */
  readonly output: boolean;
  /** The model said that it is done. */
  readonly finished: boolean;
  readonly usage?: Usage;
  /** The server reports a failure inside a stream that began well. */
  readonly error?: string;
}

export interface Usage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
}

/** How one kind of server is asked and read. */
export interface Protocol {
  /** Below the base URL, after its `/v1`. */
  readonly path: string;
  body(prompt: Prompt): string;
  /** @throws SyntaxError when the event is not what the protocol allows. */
  read(data: string): StreamEvent | "done";
}

const PROTOCOLS: Readonly<Record<ProtocolName, Protocol>> = {
  "openai-chat": openaiChat,
  "openai-completions": openaiCompletions,
};

export function protocolOf(name: ProtocolName): Protocol {
  return PROTOCOLS[name];
}
