import { z } from "zod";
import type { ChatMessage, ToolCall } from "../../inference/inference.ts";

const textPart = z.object({
  type: z.literal("text", { error: "only text parts can be read" }),
  text: z.string(),
});

const content = z
  .union([z.string(), z.array(textPart).min(1)], { error: "must be a text or a list of text parts" })
  .transform((parts) => (typeof parts === "string" ? parts : parts.map((part) => part.text).join("")));

const toolCall = z.object({
  id: z.string().min(1),
  type: z.literal("function", { error: "only function calls are supported" }),
  function: z.object({
    name: z.string().min(1),
    arguments: z.string().transform((json, context): Readonly<Record<string, unknown>> => {
      const value = parsed(json);
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
      context.addIssue({ code: "custom", message: "must be the JSON text of an object" });
      return z.NEVER;
    }),
  }),
});

/** One message of a chat, as the model's template is given it. */
const message = z.discriminatedUnion(
  "role",
  [
    z.object({ role: z.enum(["system", "developer", "user"]), content }),
    z
      .object({
        role: z.literal("assistant"),
        content: content.nullish(),
        tool_calls: z.array(toolCall).min(1).nullish(),
      })
      .refine((one) => typeof one.content === "string" || Boolean(one.tool_calls), {
        path: ["content"],
        error: "must be a text or a list of text parts where there are no tool_calls",
      }),
    z.object({ role: z.literal("tool"), content, tool_call_id: z.string().min(1) }),
  ],
  { error: "must be system, developer, user, assistant or tool" },
);

export const messages = z
  .array(message)
  .min(1, { error: "must hold at least one message" })
  .superRefine((all, context) => {
    const called = new Set<string>();
    for (const [index, one] of all.entries()) {
      if (one.role === "assistant") for (const { id } of one.tool_calls ?? []) called.add(id);
      if (one.role !== "tool" || called.has(one.tool_call_id)) continue;
      const path = [index, "tool_call_id"];
      const text = "must be the id of a call in one of the assistant's messages before it";
      context.addIssue({ code: "custom", path, message: text });
    }
  })
  .transform((all) => all.map(chatMessage));

function chatMessage(one: z.output<typeof message>): ChatMessage {
  switch (one.role) {
    case "tool":
      return { role: "tool", content: one.content, toolCallId: one.tool_call_id };
    case "assistant": {
      const { role, content, tool_calls: calls } = one;
      // Without a text it is the empty one: templates differ in what they make of a null.
      return { role, content: content ?? "", ...(calls ? { toolCalls: calls.map(earlierCall) } : {}) };
    }
    case "developer":
      return { role: "system", content: one.content };
    default:
      return { role: one.role, content: one.content };
  }
}

function earlierCall({ id, function: { name, arguments: given } }: z.output<typeof toolCall>): ToolCall {
  return { id, name, arguments: given };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
