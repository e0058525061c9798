import { closeSync, fstatSync, openSync, readSync } from "node:fs";
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
    checkHeader(new Reader(file, stats.size), stats.size);
  } catch (error) {
    if (error instanceof Mismatch) throw corrupt(path, error.message);
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

/** What the header says and the file does not hold; its message ends the sentence "… is not usable: ". */
class Mismatch extends Error {}

/** Real models stay well below these; a header above them is damaged, whatever the file's size. */
const MAX_TENSORS = 1_000_000;
const MAX_METADATA = 100_000;
const MAX_KEY_LENGTH = 65_535;

function checkHeader(reader: Reader, fileSize: number): void {
  if (fileSize < 24) throw new Mismatch(`it is only ${fileSize} bytes long`);
  if (reader.bytes(4).toString("latin1") !== "GGUF")
    throw new Mismatch("it does not start with the letters GGUF");
  const version = reader.uint32();
  if (version !== 2 && version !== 3)
    throw new Mismatch(`its format version is ${version}, and 2 or 3 can be read`);
  const tensorCount = reader.count("tensors", MAX_TENSORS);
  const metadataCount = reader.count("metadata entries", MAX_METADATA);

  let alignment = 32;
  for (let index = 0; index < metadataCount; index++) {
    const key = reader.string(MAX_KEY_LENGTH);
    const type = reader.uint32();
    if (key === "general.alignment" && type === UINT32) alignment = reader.uint32();
    else reader.skipValue(type);
  }
  if (alignment < 8 || alignment > 2 ** 20 || (alignment & (alignment - 1)) !== 0) {
    throw new Mismatch(`its alignment is ${alignment}, which is not a power of two within reason`);
  }

  const tensors = Array.from({ length: tensorCount }, () => readTensor(reader));
  const dataStart = Math.ceil(reader.position / alignment) * alignment;
  for (const { name, offset, size } of tensors) {
    if (offset % alignment !== 0) throw new Mismatch(`the tensor ${name} is not aligned`);
    if (dataStart + offset + size > fileSize) {
      throw new Mismatch(
        `the tensor ${name} ends at byte ${dataStart + offset + size} of a file of ${fileSize} bytes`,
      );
    }
  }
}

function readTensor(reader: Reader): { name: string; offset: number; size: number } {
  const name = reader.string(MAX_KEY_LENGTH);
  const dimensions = reader.uint32();
  if (dimensions > 4)
    throw new Mismatch(`the tensor ${name} has ${dimensions} dimensions, and 4 are the most`);
  let elements = 1;
  for (let index = 0; index < dimensions; index++) {
    const size = reader.uint64();
    if (size === 0) throw new Mismatch(`a dimension of the tensor ${name} is 0`);
    elements *= size;
  }
  const type = reader.uint32();
  const offset = reader.uint64();
  const [perBlock, bytes] = BLOCKS.get(type) ?? [1, 0];
  // Of a type not known here only the beginning is checked, so that newer models are not turned away.
  return { name, offset, size: Math.ceil(elements / perBlock) * bytes };
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

const UINT32 = 4;
const STRING = 8;
const ARRAY = 9;
/** Bytes of GGUF's metadata types that have a fixed size. */
const VALUE_SIZES: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [UINT32, 4],
  [5, 4],
  [6, 4],
  [7, 1],
  [10, 8],
  [11, 8],
  [12, 8],
]);

/** Reads forward through a file a piece at a time, so that a 100 GB model costs no more than its header. */
class Reader {
  position = 0;
  readonly #file: number;
  readonly #fileSize: number;
  #piece: Buffer = Buffer.alloc(0);
  #pieceStart = 0;

  constructor(file: number, fileSize: number) {
    this.#file = file;
    this.#fileSize = fileSize;
  }

  bytes(length: number): Buffer {
    this.#expect(length);
    if (this.position < this.#pieceStart || this.position + length > this.#pieceStart + this.#piece.length) {
      const piece = Buffer.allocUnsafe(Math.min(Math.max(length, 2 ** 18), this.#fileSize - this.position));
      const read = readSync(this.#file, piece, 0, piece.length, this.position);
      if (read < length) throw new Mismatch("it ended while it was read");
      this.#piece = piece.subarray(0, read);
      this.#pieceStart = this.position;
    }
    const start = this.position - this.#pieceStart;
    this.position += length;
    return this.#piece.subarray(start, start + length);
  }

  uint32(): number {
    return this.bytes(4).readUInt32LE();
  }

  /** As a number: beyond 2^53 it loses digits, which no comparison here minds. */
  uint64(): number {
    return Number(this.bytes(8).readBigUInt64LE());
  }

  count(what: string, most: number): number {
    const count = this.uint64();
    if (count > most) throw new Mismatch(`its header announces ${count} ${what}`);
    return count;
  }

  string(longest: number): string {
    const length = this.uint64();
    if (length > longest) throw new Mismatch(`a name in its header is ${length} bytes long`);
    return this.bytes(length).toString("utf8");
  }

  skipValue(type: number): void {
    const size = VALUE_SIZES.get(type);
    if (size !== undefined) this.#skip(size);
    else if (type === STRING) this.#skip(this.uint64());
    else if (type === ARRAY) this.#skipArray();
    else throw new Mismatch(`its metadata holds a value of the unknown type ${type}`);
  }

  #skipArray(): void {
    const type = this.uint32();
    const count = this.uint64();
    const size = VALUE_SIZES.get(type);
    if (size !== undefined) {
      this.#skip(count * size);
      return;
    }
    if (type !== STRING) throw new Mismatch(`its metadata holds an array of the unknown type ${type}`);
    // Each string takes at least its 8 bytes of length, which bounds the loop by the file's size.
    this.#expect(count * 8);
    for (let index = 0; index < count; index++) this.#skip(this.uint64());
  }

  #skip(length: number): void {
    this.#expect(length);
    this.position += length;
  }

  #expect(length: number): void {
    if (this.position + length > this.#fileSize) {
      throw new Mismatch(`its header goes on past the end of the file, at byte ${this.#fileSize}`);
    }
  }
}
