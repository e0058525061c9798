import { type GgufMetadata, GgufMismatch, type GgufTensorInfo } from "./gguf-reader.ts";

/**
 * Compares what a model says of its own shape with its tensors.
 * llama.cpp asserts some of this, and an assertion there ends the process; this throws a `GgufMismatch`.
 * What a key must be when it is there is checked for every architecture; that it is there only where
 * the tensors show that it is needed.
 */
export function checkHyperparameters(metadata: GgufMetadata, tensors: readonly GgufTensorInfo[]): void {
  const architecture = metadata.get("general.architecture");
  if (typeof architecture !== "string" || architecture === "")
    throw new GgufMismatch("it does not name the model's architecture");
  const parameters = new Hyperparameters(metadata, architecture);
  parameters.checkAll();

  parameters.require("block_count");
  parameters.require("embedding_length");
  const has = (pattern: RegExp) => tensors.some(({ name }) => pattern.test(name));
  if (has(/^blk\.\d+\.(attn_q|attn_k|attn_qkv)\.weight$/)) parameters.requireHeads();
  if (has(/^blk\.\d+\.ffn_(up|down)\.weight$/)) parameters.require("feed_forward_length");
  if (has(/^blk\.\d+\.ffn_(up|down)_exps\.weight$/)) parameters.requireExperts();
  const state = tensors.find(({ name }) => /^blk\.\d+\.ssm_out\.weight$/.test(name));
  if (state !== undefined) parameters.requireInnerSize(state);
}

/** llama.cpp has room for so many layers and experts. */
const MOST = new Map([
  ["block_count", 512],
  ["expert_count", 1024],
  ["expert_used_count", 1024],
]);

/** Above this, counts kept in 32 bits turn negative; no real model comes near it. */
const MOST_OF_OTHERS = 2 ** 31 - 1;

/** Counts and lengths of these endings are at least 1 wherever they are set. */
const COUNT =
  /\.(block_count|embedding_length|feed_forward_length|context_length|head_count|key_length|value_length|vocab_size|full_attention_interval|conv_kernel|state_size|inner_size|group_count|time_step_rank)$/;

class Hyperparameters {
  readonly #metadata: GgufMetadata;
  readonly #architecture: string;

  constructor(metadata: GgufMetadata, architecture: string) {
    this.#metadata = metadata;
    this.#architecture = architecture;
  }

  checkAll(): void {
    for (const [key, value] of this.#metadata) {
      if (!key.startsWith(`${this.#architecture}.`)) continue;
      for (const one of Array.isArray(value) ? value : [value]) {
        if (typeof one === "number") checkNumber(key, one, Array.isArray(value));
      }
    }
  }

  /** The number, or the largest of the numbers per layer. */
  require(name: string): number {
    const key = `${this.#architecture}.${name}`;
    const value = this.#metadata.get(key);
    const number = Array.isArray(value) ? Math.max(0, ...value) : value;
    if (typeof number !== "number") throw new GgufMismatch(`it lacks ${key}`);
    if (!Number.isInteger(number) || number < 1) throw new GgufMismatch(`its ${key} is ${number}`);
    return number;
  }

  requireHeads(): void {
    const heads = this.require("attention.head_count");
    const keyHeads = this.#number("attention.head_count_kv");
    if (keyHeads !== undefined && (keyHeads < 1 || heads % keyHeads !== 0)) {
      throw new GgufMismatch(`its ${heads} attention heads cannot share ${keyHeads} of keys and values`);
    }
    // Models with a number of heads for each layer state the width of one.
    const stated = this.#number("attention.key_length");
    if (stated === undefined && this.#number("attention.head_count") === undefined) return;
    const width = stated ?? this.require("embedding_length") / heads;
    if (!Number.isInteger(width)) {
      throw new GgufMismatch(
        `its ${this.require("embedding_length")} embedding dimensions cannot be divided among ${heads} heads`,
      );
    }
    const rotated = this.#number("rope.dimension_count");
    // Models that rotate nothing may say 0, but not those of which every few layers are made for it.
    const least = this.#number("full_attention_interval") === undefined ? 0 : 2;
    if (rotated !== undefined && (rotated > width || rotated % 2 !== 0 || rotated < least)) {
      throw new GgufMismatch(`it rotates ${rotated} dimensions of heads that have ${width}`);
    }
  }

  requireExperts(): void {
    const experts = this.require("expert_count");
    const used = this.require("expert_used_count");
    if (used > experts) throw new GgufMismatch(`it uses ${used} of its ${experts} experts`);
  }

  requireInnerSize({ name, shape }: GgufTensorInfo): void {
    const size = this.require("ssm.inner_size");
    if (size !== shape[0]) {
      throw new GgufMismatch(
        `its ${this.#architecture}.ssm.inner_size is ${size}, and ${name} takes ${shape[0]}`,
      );
    }
  }

  /** Undefined for a list, whose numbers llama.cpp compares itself. */
  #number(name: string): number | undefined {
    const value = this.#metadata.get(`${this.#architecture}.${name}`);
    return typeof value === "number" ? value : undefined;
  }
}

function checkNumber(key: string, value: number, perLayer: boolean): void {
  const isCount = COUNT.test(key);
  const most =
    MOST.get(key.slice(key.indexOf(".") + 1)) ?? (isCount ? MOST_OF_OTHERS : Number.POSITIVE_INFINITY);
  // A layer may do without something, the model as a whole not.
  const tooSmall = isCount && !perLayer && value < 1;
  const negativeEpsilon = key.endsWith("_epsilon") && value < 0;
  if (Number.isNaN(value) || value > most || tooSmall || negativeEpsilon) {
    throw new GgufMismatch(`its ${key} is ${value}`);
  }
}
