/** A value of a GGUF file's metadata, tagged with the type the format gives it. */
export type GgufValue =
  | { readonly type: "uint32"; readonly value: number }
  | { readonly type: "float32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "strings"; readonly value: readonly string[] }
  | { readonly type: "int32s"; readonly value: readonly number[] };

export interface GgufTensor {
  readonly name: string;
  /** Fastest-changing dimension first, as ggml counts: a matrix of 3 rows of 8 columns is [8, 3]. */
  readonly shape: readonly number[];
  /** Norms must stay float32: llama.cpp multiplies them with float32 activations. */
  readonly type: "float32" | "float16";
}

/** A GGUF file whose size and beginning are known before the values of its tensors are. */
export interface GgufFile {
  readonly header: Buffer;
  readonly sizeBytes: number;
  /** The file's bytes from the header on, one tensor at a time. */
  pieces(): Generator<Buffer>;
}

/**
 * Lays out a GGUF file, version 3; the same arguments give the same bytes.
 * The values are asked for in the order of the tensors, each time that the pieces are.
 */
export function layOutGguf(
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: readonly GgufTensor[],
  values: () => Iterable<Float32Array>,
): GgufFile {
  const parts: Buffer[] = [Buffer.from("GGUF"), uint32(3), uint64(tensors.length), uint64(metadata.size)];
  for (const [key, value] of metadata) parts.push(string(key), ...encodeValue(value));
  let dataSize = 0;
  for (const tensor of tensors) {
    parts.push(string(tensor.name), uint32(tensor.shape.length), ...tensor.shape.map(uint64));
    parts.push(uint32(tensor.type === "float16" ? 1 : 0), uint64(dataSize));
    const size = tensor.shape.reduce(
      (product, length) => product * length,
      tensor.type === "float16" ? 2 : 4,
    );
    dataSize += size + paddingAfter(size);
  }
  const header = padded(Buffer.concat(parts));
  return {
    header,
    sizeBytes: header.length + dataSize,
    *pieces() {
      yield header;
      let index = 0;
      for (const numbers of values()) {
        yield padded(tensors[index++]!.type === "float16" ? float16s(numbers) : float32s(numbers));
      }
    },
  };
}

function padded(bytes: Buffer): Buffer {
  const padding = paddingAfter(bytes.length);
  return padding === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(padding)]);
}

/** GGUF's default alignment of tensor data, in bytes. */
const ALIGNMENT = 32;

function paddingAfter(length: number): number {
  return (ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT;
}

function encodeValue(value: GgufValue): Buffer[] {
  switch (value.type) {
    case "uint32":
      return [uint32(4), uint32(value.value)];
    case "float32":
      return [uint32(6), float32s([value.value])];
    case "bool":
      return [uint32(7), Buffer.of(value.value ? 1 : 0)];
    case "string":
      return [uint32(8), string(value.value)];
    case "strings":
      return [uint32(9), uint32(8), uint64(value.value.length), ...value.value.map(string)];
    case "int32s":
      return [uint32(9), uint32(5), uint64(value.value.length), int32s(value.value)];
    default:
      return value satisfies never;
  }
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function int32s(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeInt32LE(value, index * 4);
  });
  return bytes;
}

function float32s(values: ArrayLike<number>): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (let index = 0; index < values.length; index++) bytes.writeFloatLE(values[index]!, index * 4);
  return bytes;
}

function float16s(values: Float32Array): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let index = 0; index < bits.length; index++) bytes.writeUInt16LE(toFloat16(bits[index]!), index * 2);
  return bytes;
}

/** The nearest half-precision bits to single-precision bits; written out because Node 22 has no Float16Array. */
function toFloat16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  if (exponent >= 31) return sign | 0x7c00;
  // Below half precision's smallest normal number, the value is cut to zero: no weight here needs it.
  if (exponent <= 0) return sign;
  // Adding half of the last kept place rounds; a carry out of the fraction rightly raises the exponent.
  return sign | ((((exponent << 23) | (bits & 0x7fffff)) + 0x1000) >>> 13);
}
