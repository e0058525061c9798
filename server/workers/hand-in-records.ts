import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";

/** Of compressed records, per row: rows are held in memory as a whole. */
const PART_BYTES = 8 * 1024 * 1024;

/** Compresses a file and hands it in part by part. */
export async function handInRecords(
  file: string,
  add: (part: number, bytes: Buffer) => Promise<void>,
  partBytes = PART_BYTES,
): Promise<void> {
  await pipeline(createReadStream(file), createGzip(), async (packed: AsyncIterable<Buffer>) => {
    let part = 0;
    let pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of packed) {
      for (let at = 0; at < piece.length; ) {
        const taken = piece.subarray(at, at + partBytes - bytes);
        at += taken.length;
        bytes += taken.length;
        pieces.push(taken);
        if (bytes < partBytes) continue;
        await add(part++, Buffer.concat(pieces));
        pieces = [];
        bytes = 0;
      }
    }
    if (bytes > 0) await add(part, Buffer.concat(pieces));
  });
}
