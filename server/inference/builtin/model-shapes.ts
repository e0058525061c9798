/** What a built-in model is made of: every number that its metadata and its tensors follow from. */
export interface ModelShape {
  /** As llama.cpp calls it, and as the keys of the metadata begin. */
  readonly architecture: "qwen2" | "qwen3" | "qwen3moe" | "qwen3next";
  /** The name it is served under. */
  readonly name: string;
  /** So small that one thread computes it best and no machine lacks the memory for it. */
  readonly tiny: boolean;
  readonly layers: number;
  /** Numbers in the state that goes from layer to layer; at least one for each word of the grammar and three more. */
  readonly width: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headWidth: number;
  /** Of all experts that one token uses together, where there are experts. */
  readonly feedForward: number;
  readonly experts?: Experts;
  readonly deltaNet?: DeltaNet;
  /** Deviation of the weights that read the state: small enough that no layer saturates. */
  readonly inputDeviation: number;
  /** Deviation of the weights that add to the state: enough to vary the words, too little to break the grammar. */
  readonly outputDeviation: number;
}

export interface Experts {
  readonly count: number;
  /** How many of them one token goes through. */
  readonly used: number;
  readonly feedForward: number;
  /** Of the expert that every token goes through as well. */
  readonly sharedFeedForward?: number;
}

/** Layers of linear attention with a gated delta rule, whose memory has a fixed size. */
export interface DeltaNet {
  readonly keyHeads: number;
  readonly valueHeads: number;
  /** Numbers in a head; its memory is a square of them. */
  readonly headWidth: number;
  readonly convolution: number;
  /** Every so many layers one has full attention instead. */
  readonly fullAttentionEvery: number;
  /** Numbers in a head of full attention that carry the position. */
  readonly rotated: number;
}

const TINY = {
  tiny: true,
  layers: 2,
  width: 256,
  heads: 4,
  keyValueHeads: 2,
  headWidth: 32,
  feedForward: 512,
  inputDeviation: 0.06,
  outputDeviation: 0.0005,
} as const;

/** The built-in models by the names that `MODEL=builtin:…` takes. */
export const MODEL_SHAPES = {
  /** The default one. */
  qwen3: { ...TINY, architecture: "qwen3", name: "goodput-tiny-random-qwen3" },
  // Qwen2's heads always share the width between them.
  qwen2: { ...TINY, architecture: "qwen2", name: "goodput-tiny-random-qwen2", headWidth: 64 },
  qwen3moe: {
    ...TINY,
    architecture: "qwen3moe",
    name: "goodput-tiny-random-qwen3moe",
    experts: { count: 8, used: 2, feedForward: 256 },
  },
  qwen3next: {
    ...TINY,
    architecture: "qwen3next",
    name: "goodput-tiny-random-qwen3next",
    layers: 4,
    headWidth: 64,
    experts: { count: 8, used: 2, feedForward: 128, sharedFeedForward: 128 },
    feedForward: 256,
    deltaNet: {
      keyHeads: 2,
      valueHeads: 4,
      headWidth: 32,
      convolution: 4,
      fullAttentionEvery: 4,
      rotated: 16,
    },
  },
  /** Large enough that computing takes most of a token's time, which benches need. */
  "qwen3-80m": {
    architecture: "qwen3",
    name: "goodput-random-qwen3-80m",
    tiny: false,
    layers: 12,
    width: 768,
    heads: 12,
    keyValueHeads: 6,
    headWidth: 64,
    feedForward: 2048,
    inputDeviation: 0.035,
    outputDeviation: 0.00025,
  },
} as const satisfies Record<string, ModelShape>;

export type BuiltinModelId = keyof typeof MODEL_SHAPES;

export const BUILTIN_MODEL_IDS = Object.keys(MODEL_SHAPES) as readonly BuiltinModelId[];
