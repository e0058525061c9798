import { readSync } from "node:fs";

/** What the header says and the file does not hold; its message ends the sentence "… is not usable: ". */
export class GgufMismatch extends Error {}

/** A truth is 0 or 1. Undefined stands for what is too long to be a setting of the model. */
export type GgufValueRead = number | string | readonly number[] | undefined;

export type GgufMetadata = Map<string, GgufValueRead>;

export interface GgufTensorInfo {
  readonly name: string;
  /** Fastest-changing dimension first. */
  readonly shape: readonly number[];
}

/** Reads forward through a file a piece at a time, so that a 100 GB model costs no more than its header. */
export class GgufReader {
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
      if (read < length) throw new GgufMismatch("it ended while it was read");
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
    if (count > most) throw new GgufMismatch(`its header announces ${count} ${what}`);
    return count;
  }

  string(longest: number): string {
    const length = this.uint64();
    if (length > longest) throw new GgufMismatch(`a name in its header is ${length} bytes long`);
    return this.bytes(length).toString("utf8");
  }

  /** What is too long to be a setting of the model is passed over and has no value. */
  value(type: number): GgufValueRead {
    const size = VALUE_SIZES.get(type);
    if (size !== undefined) return this.#number(type, size);
    if (type === STRING) return this.#shortString();
    if (type === ARRAY) return this.#array();
    throw new GgufMismatch(`its metadata holds a value of the unknown type ${type}`);
  }

  #array(): readonly number[] | undefined {
    const type = this.uint32();
    const count = this.uint64();
    const size = VALUE_SIZES.get(type);
    if (size !== undefined) {
      this.#expect(count * size);
      if (count <= MAX_LIST) return Array.from({ length: count }, () => this.#number(type, size));
      this.#skip(count * size);
      return undefined;
    }
    if (type !== STRING) throw new GgufMismatch(`its metadata holds an array of the unknown type ${type}`);
    // Each string takes at least its 8 bytes of length, which bounds the loop by the file's size.
    this.#expect(count * 8);
    for (let index = 0; index < count; index++) this.#skip(this.uint64());
    return undefined;
  }

  #number(type: number, size: number): number {
    const bytes = this.bytes(size);
    if (type === FLOAT32) return bytes.readFloatLE();
    if (type === FLOAT64) return bytes.readDoubleLE();
    if (size === 8) return Number(type === INT64 ? bytes.readBigInt64LE() : bytes.readBigUInt64LE());
    return SIGNED.has(type) ? bytes.readIntLE(0, size) : bytes.readUIntLE(0, size);
  }

  #shortString(): string | undefined {
    const length = this.uint64();
    if (length <= MAX_TEXT) return this.bytes(length).toString("utf8");
    this.#skip(length);
    return undefined;
  }

  #skip(length: number): void {
    this.#expect(length);
    this.position += length;
  }

  #expect(length: number): void {
    if (this.position + length > this.#fileSize) {
      throw new GgufMismatch(`its header goes on past the end of the file, at byte ${this.#fileSize}`);
    }
  }
}

const STRING = 8;
const ARRAY = 9;
const FLOAT32 = 6;
const INT64 = 11;
const FLOAT64 = 12;
const SIGNED: ReadonlySet<number> = new Set([1, 3, 5]);
/** A model has a number for each layer at most; what is longer belongs to its tokenizer. */
const MAX_LIST = 4096;
const MAX_TEXT = 256;
/** Bytes of GGUF's metadata types that have a fixed size. */
const VALUE_SIZES: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [FLOAT32, 4],
  [7, 1],
  [10, 8],
  [INT64, 8],
  [FLOAT64, 8],
]);
