import type { DeltaNet, Experts, ModelShape } from "./model-shapes.ts";

/** A tensor of a model before it has values. */
export interface TensorPlan {
  readonly name: string;
  /** Fastest-changing dimension first. */
  readonly shape: readonly number[];
  readonly type: "float32" | "float16";
  readonly fill: TensorFill;
}

export type TensorFill =
  /** Which dimensions of the state a token sets. */
  | { readonly kind: "embedding" }
  /** Which tokens a state makes likely. */
  | { readonly kind: "head" }
  | { readonly kind: "random"; readonly mean: number; readonly deviation: number };

/** The tensors llama.cpp expects of a model of this shape, in the order in which they are drawn and written. */
export function tensorLayout(shape: ModelShape, vocabularySize: number): TensorPlan[] {
  const { width } = shape;
  const table = (name: string, kind: "embedding" | "head"): TensorPlan => ({
    name: `${name}.weight`,
    shape: [width, vocabularySize],
    type: "float16",
    fill: { kind },
  });
  const layers = Array.from({ length: shape.layers }, (_, layer) =>
    layerTensors(shape, layer).map((tensor) => ({ ...tensor, name: `blk.${layer}.${tensor.name}` })),
  );
  return [
    table("token_embd", "embedding"),
    ...layers.flat(),
    norm("output_norm", width),
    table("output", "head"),
  ];
}

/** How many numbers the tensors hold together. */
export function parameterCount(layout: readonly TensorPlan[]): number {
  return layout.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}

function layerTensors(shape: ModelShape, layer: number): TensorPlan[] {
  const { deltaNet, experts, architecture, width } = shape;
  const linear = deltaNet !== undefined && (layer + 1) % deltaNet.fullAttentionEvery !== 0;
  return [
    norm("attn_norm", width),
    ...(linear ? deltaNetTensors(shape, deltaNet) : attentionTensors(shape)),
    norm(architecture === "qwen3next" ? "post_attention_norm" : "ffn_norm", width),
    ...(experts === undefined ? feedForwardTensors(shape) : expertTensors(shape, experts)),
  ];
}

function attentionTensors(shape: ModelShape): TensorPlan[] {
  const { width, heads, keyValueHeads, headWidth, inputDeviation, outputDeviation, architecture } = shape;
  // Qwen3-Next's queries come with a gate of the same size for what the attention finds.
  const queries = heads * headWidth * (architecture === "qwen3next" ? 2 : 1);
  const keys = keyValueHeads * headWidth;
  const projections = [
    matrix("attn_q", [width, queries], inputDeviation),
    matrix("attn_k", [width, keys], inputDeviation),
    matrix("attn_v", [width, keys], inputDeviation),
    matrix("attn_output", [heads * headWidth, width], outputDeviation),
  ];
  // What Qwen2 has are biases; its successors have norms instead.
  if (architecture === "qwen2") {
    const bias = (name: string, size: number) => vector(`${name}.bias`, size, 0, inputDeviation);
    return [...projections, bias("attn_q", queries), bias("attn_k", keys), bias("attn_v", keys)];
  }
  return [...projections, norm("attn_q_norm", headWidth), norm("attn_k_norm", headWidth)];
}

function deltaNetTensors(
  { width, inputDeviation, outputDeviation }: ModelShape,
  net: DeltaNet,
): TensorPlan[] {
  const values = net.valueHeads * net.headWidth;
  const mixed = 2 * net.keyHeads * net.headWidth + values;
  return [
    matrix("attn_qkv", [width, mixed], inputDeviation),
    matrix("attn_gate", [width, values], inputDeviation),
    // A kernel of 1/√length each keeps the size of what goes through it.
    { ...matrix("ssm_conv1d", [net.convolution, mixed], net.convolution ** -0.5), type: "float32" },
    vector("ssm_dt.bias", net.valueHeads, 0, 0.5),
    // How fast each head forgets: always below zero, the logarithm of what is left after a step of one.
    vector("ssm_a", net.valueHeads, -1, 0.1),
    matrix("ssm_ba", [width, 2 * net.valueHeads], inputDeviation),
    norm("ssm_norm", net.headWidth),
    matrix("ssm_out", [values, width], outputDeviation),
  ];
}

function feedForwardTensors({
  width,
  feedForward,
  inputDeviation,
  outputDeviation,
}: ModelShape): TensorPlan[] {
  return [
    matrix("ffn_gate", [width, feedForward], inputDeviation),
    matrix("ffn_up", [width, feedForward], inputDeviation),
    matrix("ffn_down", [feedForward, width], outputDeviation),
  ];
}

function expertTensors(
  { width, inputDeviation, outputDeviation }: ModelShape,
  experts: Experts,
): TensorPlan[] {
  const { count, feedForward, sharedFeedForward: shared } = experts;
  const routed: TensorPlan[] = [
    // The choice of the experts is made in full precision, as converted models have it.
    { ...matrix("ffn_gate_inp", [width, count], inputDeviation), type: "float32" },
    matrix("ffn_gate_exps", [width, feedForward, count], inputDeviation),
    matrix("ffn_up_exps", [width, feedForward, count], inputDeviation),
    matrix("ffn_down_exps", [feedForward, width, count], outputDeviation),
  ];
  if (shared === undefined) return routed;
  return [
    ...routed,
    vector("ffn_gate_inp_shexp.weight", width, 0, inputDeviation),
    matrix("ffn_gate_shexp", [width, shared], inputDeviation),
    matrix("ffn_up_shexp", [width, shared], inputDeviation),
    matrix("ffn_down_shexp", [shared, width], outputDeviation),
  ];
}

function matrix(name: string, shape: readonly number[], deviation: number): TensorPlan {
  return { name: `${name}.weight`, shape, type: "float16", fill: { kind: "random", mean: 0, deviation } };
}

/** Norms and other single rows must stay float32: llama.cpp multiplies them with float32 activations. */
function vector(name: string, size: number, mean: number, deviation: number): TensorPlan {
  return { name, shape: [size], type: "float32", fill: { kind: "random", mean, deviation } };
}

function norm(name: string, size: number): TensorPlan {
  return vector(`${name}.weight`, size, 1, 0);
}
