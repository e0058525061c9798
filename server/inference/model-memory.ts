import type { LlamaContext, LlamaModel } from "node-llama-cpp";
import type { InferenceMemory } from "./inference.ts";

/** What a loaded model and its context hold, and what each token of a request adds in use to the latter. */
export function modelMemory(model: LlamaModel, context: LlamaContext): InferenceMemory {
  return {
    model: { ramBytes: model.memoryUsage.ram, gpuBytes: model.memoryUsage.vram },
    context: { ramBytes: context.memoryUsage.ram, gpuBytes: context.memoryUsage.vram },
    cacheBytesPerToken: cacheBytesPerToken(
      layersOf(model),
      ELEMENT_BYTES.get(context.kvCacheKeyType),
      ELEMENT_BYTES.get(context.kvCacheValueType),
    ),
  };
}

/** What a token will take in a context that keeps keys and values as float16, as contexts do unless told otherwise. */
export function plannedCacheBytesPerToken(model: LlamaModel): number | undefined {
  return cacheBytesPerToken(layersOf(model), 2, 2);
}

function layersOf({ fileInfo: { metadata } }: LlamaModel): LayerMetadata | undefined {
  const byArchitecture = metadata as unknown as Readonly<Record<string, unknown>>;
  return byArchitecture[metadata.general.architecture] as LayerMetadata | undefined;
}

/** The part of a GGUF file's metadata that says what attention keeps; which keys there are depends on the architecture. */
export interface LayerMetadata {
  readonly block_count?: number;
  readonly embedding_length?: number;
  /** In hybrid models each n-th layer has attention; the others keep a state of a fixed size. */
  readonly full_attention_interval?: number;
  readonly attention?: {
    readonly head_count?: number | readonly number[];
    readonly head_count_kv?: number | readonly number[];
    readonly key_length?: number;
    readonly value_length?: number;
    /** Set by models that keep a compressed form of keys and values. */
    readonly kv_lora_rank?: number;
  };
}

/** Layers with attention × heads × (key + value): what a token takes for good until its request ends. */
export function cacheBytesPerToken(
  metadata: LayerMetadata | undefined,
  keyElementBytes: number | undefined,
  valueElementBytes: number | undefined,
): number | undefined {
  const { block_count: blocks, attention, embedding_length: width, full_attention_interval } = metadata ?? {};
  const heads = attention?.head_count;
  const keyHeads = attention?.head_count_kv ?? heads;
  if (blocks === undefined || keyHeads === undefined || attention?.kv_lora_rank !== undefined)
    return undefined;
  const headWidth = typeof heads === "number" && width !== undefined ? width / heads : undefined;
  const keys = attention?.key_length ?? headWidth;
  const values = attention?.value_length ?? headWidth;
  if (keys === undefined || values === undefined) return undefined;
  if (keyElementBytes === undefined || valueElementBytes === undefined) return undefined;
  // A list has a number for each layer, which is 0 where the layer has no attention.
  const allHeads =
    typeof keyHeads === "number"
      ? keyHeads * Math.floor(blocks / (full_attention_interval ?? 1))
      : keyHeads.reduce((sum, count) => sum + count, 0);
  return allHeads * (keys * keyElementBytes + values * valueElementBytes);
}

/** By ggml's numbers of its types: F32, F16, BF16 and, with its scale for each 32, Q8_0. */
const ELEMENT_BYTES: ReadonlyMap<number, number> = new Map([
  [0, 4],
  [1, 2],
  [30, 2],
  [8, 34 / 32],
]);
