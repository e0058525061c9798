import type { Prompt } from "./protocol.ts";

/** Messages as one text, for protocols that know no roles. */
export function plainPrompt({ messages }: Prompt): string {
  return messages.map(({ content }) => content).join("\n");
}
