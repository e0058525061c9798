import type { Tool } from "./inference.ts";
import { grammarOfSeveral } from "./json-grammar.ts";

/**
 * A grammar whose texts are calls of the tools and nothing else, in the form that the templates show the model;
 * one call, or one and any number of others.
 */
export function toolCallGrammar(tools: readonly Tool[], several: boolean): string {
  const schemas = tools.map(({ name, parameters }) => ({
    schema: parameters ?? { type: "object", properties: {} },
    path: `${name}.parameters`,
  }));
  return grammarOfSeveral(schemas, (values) => {
    const calls = tools.map(({ name }, index) => {
      const head = JSON.stringify(`<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": `);
      return `${head} ${values[index]} ${JSON.stringify("}\n</tool_call>")}`;
    });
    const call = `(${calls.join(" | ")})`;
    return several ? `${call} ("\\n" ${call})*` : call;
  });
}
