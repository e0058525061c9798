import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { shardFile } from "../load-tests/runs/run-files.ts";
import type { ShardStore } from "../store/shard-store.ts";

/** Writes what the shards' workers have handed in to files of the run's folder; gives the shards that have any. */
export async function gatherRecords(
  store: Pick<ShardStore, "watch" | "records">,
  runId: string,
  of: number,
  outDir: string,
): Promise<readonly number[]> {
  const shards = await store.watch(runId);
  const gathered: number[] = [];
  for (let index = 0; index < of; index++) {
    // One whose worker was lost on the way may have handed in half a file.
    if (shards[index]?.state !== "done") continue;
    const parts = store.records(runId, index)[Symbol.asyncIterator]();
    const first = await parts.next();
    if (first.done === true) continue;
    const file = shardFile(outDir, index);
    await mkdir(dirname(file), { recursive: true });
    await pipeline(Readable.from(withFirst(first.value, parts)), createGunzip(), createWriteStream(file));
    gathered.push(index);
  }
  return gathered;
}

async function* withFirst(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
