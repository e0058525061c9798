import { FOLLOWERS, PROMPT_WORDS, type Role, WORDS } from "./builtin-grammar.ts";
import { inByteAlphabet, learnVocabulary } from "./byte-pair-vocabulary.ts";
import { type GgufTensor, type GgufValue, writeGguf } from "./gguf-writer.ts";

/** The name the built-in model is served under. */
export const BUILTIN_MODEL_NAME = "goodput-tiny-random-qwen3";

/**
 * A complete Qwen3 model of 1.5 million parameters as a GGUF file, the same bytes per seed.
 * Its layers are random and its head holds a table of which word follows which, so what it says
 * reads like sentences and means nothing: it is there to give an inference server real work.
 */
export function builtinModel(seed: number): Buffer {
  const vocabulary = learnVocabulary([...Object.values(WORDS).flat(), ...PROMPT_WORDS]);
  const tokens = [...vocabulary.tokens, ...CONTROL_TOKENS];
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", { type: "string", value: "qwen3" }],
    ["general.name", { type: "string", value: BUILTIN_MODEL_NAME }],
    ["general.description", { type: "string", value: DESCRIPTION }],
    ["general.size_label", { type: "string", value: "1.5M" }],
    ["general.file_type", { type: "uint32", value: 1 }],
    ["qwen3.block_count", { type: "uint32", value: LAYERS }],
    ["qwen3.context_length", { type: "uint32", value: 32_768 }],
    ["qwen3.embedding_length", { type: "uint32", value: WIDTH }],
    ["qwen3.feed_forward_length", { type: "uint32", value: FEED_FORWARD }],
    ["qwen3.attention.head_count", { type: "uint32", value: HEADS }],
    ["qwen3.attention.head_count_kv", { type: "uint32", value: KEY_VALUE_HEADS }],
    ["qwen3.attention.key_length", { type: "uint32", value: HEAD_WIDTH }],
    ["qwen3.attention.value_length", { type: "uint32", value: HEAD_WIDTH }],
    ["qwen3.attention.layer_norm_rms_epsilon", { type: "float32", value: 1e-6 }],
    ["qwen3.rope.freq_base", { type: "float32", value: 1_000_000 }],
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
  return writeGguf(metadata, weights(tokens, randomNumbers(seed)));
}

const DESCRIPTION =
  "A generated model with random weights, for trying out a server and its load tests. " +
  "It was never trained: its sentences come from a small table of words and mean nothing.";

const CONTROL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
const NORMAL = 1;
const CONTROL = 3;

const CHATML =
  "{%- for message in messages -%}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' -}}" +
  "{%- endfor -%}{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}";

const LAYERS = 2;
const WIDTH = 256;
const HEADS = 4;
const KEY_VALUE_HEADS = 2;
const HEAD_WIDTH = 32;
const FEED_FORWARD = 512;

/** Each word of the grammar has a dimension of its own; this one is the same for all tokens and acts as a bias. */
const BIAS_DIMENSION = 0;
/** What stands for "nothing was said yet": every token that the grammar does not know. */
const START_DIMENSION = 1;
const FIRST_WORD_DIMENSION = 2;

/** Logits of tokens that must not come: far below what any temperature in use brings back. */
const UNWANTED = -17;
/** The end is rarer still, so that a load test gets the number of tokens it asks for. */
const END = -26;

/** How much the random layers add to the state: enough to vary the words, too little to break the grammar. */
const LAYER_OUTPUT_SCALE = 0.0005;

/** The norm before the head scales a state of two ones to the length √WIDTH. */
const HEAD_GAIN = Math.sqrt(WIDTH / 2);

function weights(tokens: readonly string[], random: () => number): GgufTensor[] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const words = Object.entries(WORDS).flatMap(([role, texts]) =>
    texts.map((text) => ({ role: role as Role, id: ids.get(inByteAlphabet(text))! })),
  );
  const dimensionOf = new Map(words.map(({ id }, index) => [id, FIRST_WORD_DIMENSION + index]));

  const embedding = new Float32Array(tokens.length * WIDTH);
  const head = new Float32Array(tokens.length * WIDTH);
  for (let id = 0; id < tokens.length; id++) {
    embedding[id * WIDTH + BIAS_DIMENSION] = 1;
    embedding[id * WIDTH + (dimensionOf.get(id) ?? START_DIMENSION)] = 1;
    const ends = id >= tokens.length - CONTROL_TOKENS.length;
    head[id * WIDTH + BIAS_DIMENSION] = (ends ? END : UNWANTED) / HEAD_GAIN;
  }
  const allow = (dimension: number, followers: Readonly<Partial<Record<Role, number>>>) => {
    for (const { role, id } of words) {
      const share = (followers[role] ?? 0) / WORDS[role].length;
      if (share > 0) head[id * WIDTH + dimension] = (Math.log(share) - UNWANTED) / HEAD_GAIN;
    }
  };
  allow(START_DIMENSION, FOLLOWERS.start);
  for (const { role, id } of words) allow(dimensionOf.get(id)!, FOLLOWERS[role]);
  // After a single line break, which ends a chat template's header, a sentence opens without a space.
  const lineBreak = FIRST_WORD_DIMENSION + words.length;
  embedding[ids.get(inByteAlphabet("\n"))! * WIDTH + START_DIMENSION] = 0;
  embedding[ids.get(inByteAlphabet("\n"))! * WIDTH + lineBreak] = 1;
  allow(lineBreak, FOLLOWERS["line break"]);

  const noise = (columns: number, rows: number, scale: number) => {
    const values = new Float32Array(columns * rows);
    for (let index = 0; index < values.length; index++) values[index] = scale * random();
    return values;
  };
  const matrix = (name: string, columns: number, rows: number, scale: number): GgufTensor => {
    const values = noise(columns, rows, scale);
    return { name: `${name}.weight`, shape: [columns, rows], type: "float16", values };
  };
  const norm = (name: string, width: number): GgufTensor => ({
    name: `${name}.weight`,
    shape: [width],
    type: "float32",
    values: new Float32Array(width).fill(1),
  });
  const table = (name: string, values: Float32Array): GgufTensor => ({
    name: `${name}.weight`,
    shape: [WIDTH, tokens.length],
    type: "float16",
    values,
  });
  const layers = Array.from({ length: LAYERS }, (_, layer) => [
    norm(`blk.${layer}.attn_norm`, WIDTH),
    matrix(`blk.${layer}.attn_q`, WIDTH, HEADS * HEAD_WIDTH, 0.06),
    matrix(`blk.${layer}.attn_k`, WIDTH, KEY_VALUE_HEADS * HEAD_WIDTH, 0.06),
    matrix(`blk.${layer}.attn_v`, WIDTH, KEY_VALUE_HEADS * HEAD_WIDTH, 0.06),
    matrix(`blk.${layer}.attn_output`, HEADS * HEAD_WIDTH, WIDTH, LAYER_OUTPUT_SCALE),
    norm(`blk.${layer}.attn_q_norm`, HEAD_WIDTH),
    norm(`blk.${layer}.attn_k_norm`, HEAD_WIDTH),
    norm(`blk.${layer}.ffn_norm`, WIDTH),
    matrix(`blk.${layer}.ffn_gate`, WIDTH, FEED_FORWARD, 0.06),
    matrix(`blk.${layer}.ffn_up`, WIDTH, FEED_FORWARD, 0.06),
    matrix(`blk.${layer}.ffn_down`, FEED_FORWARD, WIDTH, LAYER_OUTPUT_SCALE),
  ]);
  return [
    table("token_embd", embedding),
    ...layers.flat(),
    norm("output_norm", WIDTH),
    table("output", head),
  ];
}

/**
 * Near-normal numbers with mean 0 and deviation 1: sums of four uniform ones of the mulberry32 generator.
 * Only exact arithmetic is used, because a platform's logarithm or cosine may differ in the last bit.
 */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => (uniform() + uniform() + uniform() + uniform() - 2) * 1.7320508;
}
