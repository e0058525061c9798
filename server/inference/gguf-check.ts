import { closeSync, fstatSync, openSync } from "node:fs";
import { checkHyperparameters } from "./gguf-hyperparameters.ts";
import { type GgufMetadata, GgufMismatch, GgufReader, type GgufTensorInfo } from "./gguf-reader.ts";
import { ModelError } from "./model-error.ts";

/**
 * Reads a GGUF file's header and compares every count and extent with the file's size.
 * llama.cpp trusts these numbers and can take the whole process down with it; this throws a `ModelError`.
 */
export function checkGguf(path: string): void {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new ModelError(
      "MODEL_NOT_FOUND",
      missing
        ? `There is no model file at ${path}.`
        : `The model file ${path} cannot be opened: ${(cause as Error).message}.`,
      { hint: "Set MODEL to the path of a GGUF file, or leave it unset for the built-in model.", cause },
    );
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw corrupt(path, "it is not a regular file");
    checkHeader(new GgufReader(file, stats.size), stats.size);
  } catch (error) {
    if (error instanceof GgufMismatch) throw corrupt(path, error.message);
    throw error;
  } finally {
    closeSync(file);
  }
}

function corrupt(path: string, reason: string): ModelError {
  return new ModelError("MODEL_CORRUPT", `${path} is not a usable GGUF file: ${reason}.`, {
    hint: "Download or convert the model again; the file may be cut short or in another format.",
  });
}

/** Real models stay well below these; a header above them is damaged, whatever the file's size. */
const MAX_TENSORS = 1_000_000;
const MAX_METADATA = 100_000;
const MAX_KEY_LENGTH = 65_535;

function checkHeader(reader: GgufReader, fileSize: number): void {
  if (fileSize < 24) throw new GgufMismatch(`it is only ${fileSize} bytes long`);
  if (reader.bytes(4).toString("latin1") !== "GGUF")
    throw new GgufMismatch("it does not start with the letters GGUF");
  const version = reader.uint32();
  if (version !== 2 && version !== 3)
    throw new GgufMismatch(`its format version is ${version}, and 2 or 3 can be read`);
  const tensorCount = reader.count("tensors", MAX_TENSORS);
  const metadataCount = reader.count("metadata entries", MAX_METADATA);

  const metadata: GgufMetadata = new Map();
  for (let index = 0; index < metadataCount; index++) {
    const key = reader.string(MAX_KEY_LENGTH);
    metadata.set(key, reader.value(reader.uint32()));
  }
  const stated = metadata.get("general.alignment");
  const alignment = typeof stated === "number" ? stated : 32;
  if (alignment < 8 || alignment > 2 ** 20 || (alignment & (alignment - 1)) !== 0) {
    throw new GgufMismatch(`its alignment is ${alignment}, which is not a power of two within reason`);
  }

  const tensors = Array.from({ length: tensorCount }, () => readTensor(reader));
  checkHyperparameters(metadata, tensors);
  const dataStart = Math.ceil(reader.position / alignment) * alignment;
  for (const { name, offset, size } of tensors) {
    if (offset % alignment !== 0) throw new GgufMismatch(`the tensor ${name} is not aligned`);
    if (dataStart + offset + size > fileSize) {
      throw new GgufMismatch(
        `the tensor ${name} ends at byte ${dataStart + offset + size} of a file of ${fileSize} bytes`,
      );
    }
  }
}

function readTensor(reader: GgufReader): GgufTensorInfo & { offset: number; size: number } {
  const name = reader.string(MAX_KEY_LENGTH);
  const dimensions = reader.uint32();
  if (dimensions > 4)
    throw new GgufMismatch(`the tensor ${name} has ${dimensions} dimensions, and 4 are the most`);
  let elements = 1;
  const shape: number[] = [];
  for (let index = 0; index < dimensions; index++) {
    const size = reader.uint64();
    if (size === 0) throw new GgufMismatch(`a dimension of the tensor ${name} is 0`);
    shape.push(size);
    elements *= size;
  }
  const type = reader.uint32();
  const offset = reader.uint64();
  const [perBlock, bytes] = BLOCKS.get(type) ?? [1, 0];
  // Of a type not known here only the beginning is checked, so that newer models are not turned away.
  return { name, shape, offset, size: Math.ceil(elements / perBlock) * bytes };
}

/** Elements per block and bytes per block of ggml's tensor types. */
const BLOCKS: ReadonlyMap<number, readonly [number, number]> = new Map([
  [0, [1, 4]], // F32
  [1, [1, 2]], // F16
  [2, [32, 18]], // Q4_0
  [3, [32, 20]], // Q4_1
  [6, [32, 22]], // Q5_0
  [7, [32, 24]], // Q5_1
  [8, [32, 34]], // Q8_0
  [9, [32, 36]], // Q8_1
  [10, [256, 84]], // Q2_K
  [11, [256, 110]], // Q3_K
  [12, [256, 144]], // Q4_K
  [13, [256, 176]], // Q5_K
  [14, [256, 210]], // Q6_K
  [15, [256, 292]], // Q8_K
  [16, [256, 66]], // IQ2_XXS
  [17, [256, 74]], // IQ2_XS
  [18, [256, 98]], // IQ3_XXS
  [19, [256, 50]], // IQ1_S
  [20, [32, 18]], // IQ4_NL
  [21, [256, 110]], // IQ3_S
  [22, [256, 82]], // IQ2_S
  [23, [256, 136]], // IQ4_XS
  [24, [1, 1]], // I8
  [25, [1, 2]], // I16
  [26, [1, 4]], // I32
  [27, [1, 8]], // I64
  [28, [1, 8]], // F64
  [29, [256, 56]], // IQ1_M
  [30, [1, 2]], // BF16
  [34, [256, 54]], // TQ1_0
  [35, [256, 66]], // TQ2_0
  [39, [32, 17]], // MXFP4
]);
