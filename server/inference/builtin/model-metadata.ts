import type { BytePairVocabulary } from "../byte-pair-vocabulary.ts";
import type { GgufValue } from "../gguf-writer.ts";
import type { ModelShape } from "./model-shapes.ts";

/** Tokens that steer a chat; they come after the vocabulary's. */
export const CONTROL_TOKENS: readonly string[] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];

const DESCRIPTION =
  "A generated model with random weights, for trying out a server and its load tests. " +
  "It was never trained: its sentences come from a small table of words and mean nothing.";

/** What a GGUF file says about a model of this shape: its name, its sizes, its tokenizer and its chat template. */
export function modelMetadata(
  shape: ModelShape,
  vocabulary: BytePairVocabulary,
  parameters: number,
): Map<string, GgufValue> {
  const tokens = [...vocabulary.tokens, ...CONTROL_TOKENS];
  return new Map<string, GgufValue>([
    ["general.architecture", { type: "string", value: shape.architecture }],
    ["general.name", { type: "string", value: shape.name }],
    ["general.description", { type: "string", value: DESCRIPTION }],
    ["general.size_label", { type: "string", value: sizeLabel(parameters) }],
    ["general.file_type", { type: "uint32", value: 1 }],
    ...sizes(shape).map(([key, value]): [string, GgufValue] => [`${shape.architecture}.${key}`, value]),
    ["tokenizer.ggml.model", { type: "string", value: "gpt2" }],
    ["tokenizer.ggml.pre", { type: "string", value: "qwen2" }],
    ["tokenizer.ggml.tokens", { type: "strings", value: tokens }],
    [
      "tokenizer.ggml.token_type",
      { type: "int32s", value: tokens.map((_, id) => (id < vocabulary.tokens.length ? NORMAL : CONTROL)) },
    ],
    ["tokenizer.ggml.merges", { type: "strings", value: vocabulary.merges }],
    ["tokenizer.ggml.eos_token_id", { type: "uint32", value: tokens.indexOf("<|im_end|>") }],
    ["tokenizer.ggml.padding_token_id", { type: "uint32", value: tokens.indexOf("<|endoftext|>") }],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: false }],
    ["tokenizer.chat_template", { type: "string", value: CHATML }],
  ]);
}

const NORMAL = 1;
const CONTROL = 3;

/** Qwen's words for tools; without any it is ChatML and nothing else. */
const CHATML = `{%- if tools -%}
{{- '<|im_start|>system\\n' -}}
{%- if messages[0].role == 'system' -%}{{- messages[0].content + '\\n\\n' -}}{%- endif -%}
{{- '# Tools\\n\\nYou may call one or more functions to assist with the user query.\\n\\nYou are provided with function signatures within <tools></tools> XML tags:\\n<tools>' -}}
{%- for tool in tools -%}{{- '\\n' -}}{{- tool | tojson -}}{%- endfor -%}
{{- '\\n</tools>\\n\\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\\n<tool_call>\\n{"name": <function-name>, "arguments": <args-json-object>}\\n</tool_call><|im_end|>\\n' -}}
{%- endif -%}
{%- for message in messages -%}
{%- if message.role == 'tool' -%}
{%- if loop.first or messages[loop.index0 - 1].role != 'tool' -%}{{- '<|im_start|>user' -}}{%- endif -%}
{{- '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' -}}
{%- if loop.last or messages[loop.index0 + 1].role != 'tool' -%}{{- '<|im_end|>\\n' -}}{%- endif -%}
{%- elif message.tool_calls -%}
{{- '<|im_start|>assistant' -}}
{%- if message.content -%}{{- '\\n' + message.content -}}{%- endif -%}
{%- for tool_call in message.tool_calls -%}
{{- '\\n<tool_call>\\n{"name": "' + tool_call.function.name + '", "arguments": ' -}}{{- tool_call.function.arguments | tojson -}}{{- '}\\n</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>\\n' -}}
{%- elif not (tools and loop.first and message.role == 'system') -%}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}`;

function sizes(shape: ModelShape): [string, GgufValue][] {
  const count = (key: string, value: number): [string, GgufValue] => [key, { type: "uint32", value }];
  const { experts, deltaNet } = shape;
  const list = [
    count("block_count", shape.layers),
    count("context_length", 32_768),
    count("embedding_length", shape.width),
    count("feed_forward_length", shape.feedForward),
    count("attention.head_count", shape.heads),
    count("attention.head_count_kv", shape.keyValueHeads),
    count("attention.key_length", shape.headWidth),
    count("attention.value_length", shape.headWidth),
  ];
  list.push(["attention.layer_norm_rms_epsilon", { type: "float32", value: 1e-6 }]);
  list.push(["rope.freq_base", { type: "float32", value: 1_000_000 }]);
  if (experts !== undefined) {
    list.push(count("expert_count", experts.count), count("expert_used_count", experts.used));
    list.push(count("expert_feed_forward_length", experts.feedForward));
    if (experts.sharedFeedForward !== undefined) {
      list.push(count("expert_shared_feed_forward_length", experts.sharedFeedForward));
    }
  }
  if (deltaNet !== undefined) {
    list.push(
      count("rope.dimension_count", deltaNet.rotated),
      count("full_attention_interval", deltaNet.fullAttentionEvery),
      count("ssm.conv_kernel", deltaNet.convolution),
      count("ssm.state_size", deltaNet.headWidth),
      count("ssm.group_count", deltaNet.keyHeads),
      count("ssm.time_step_rank", deltaNet.valueHeads),
      count("ssm.inner_size", deltaNet.valueHeads * deltaNet.headWidth),
    );
  }
  return list;
}

/** In millions, with one digit after the point below ten of them. */
function sizeLabel(parameters: number): string {
  const millions = parameters / 1e6;
  return `${millions.toFixed(millions < 10 ? 1 : 0)}M`;
}
