import type { ProtocolName } from "../plan/plan.ts";
import { inference } from "./inference.ts";
import { ollama } from "./ollama.ts";
import { openaiChat, openaiCompletions } from "./openai.ts";
import { openaiEmbeddings } from "./openai-embeddings.ts";
import { openaiResponses } from "./openai-responses.ts";
import type { Protocol } from "./protocol.ts";
import { tgi } from "./tgi.ts";
import { triton } from "./triton.ts";

const PROTOCOLS: Readonly<Record<ProtocolName, Protocol>> = {
  "openai-chat": openaiChat,
  "openai-completions": openaiCompletions,
  "openai-responses": openaiResponses,
  "openai-embeddings": openaiEmbeddings,
  triton,
  tgi,
  ollama,
  inference,
};

export function protocolOf(name: ProtocolName): Protocol {
  return PROTOCOLS[name];
}
