import { createReadStream, existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { mergeRecords, type Result, resultFromRecords } from "../../../src/index.ts";

/** What a run leaves on disk: its records, and while it goes on which process writes them. */
export interface RunFiles {
  /** Where the engine writes. */
  folder(runId: string): string;
  /** Notes who measures, so that another server can tell a run that is being ended from one that is over. */
  begin(runId: string, pid: number): Promise<void>;
  end(runId: string): Promise<void>;
  /** What the records hold; undefined when there are none to make a result from. */
  result(runId: string): Promise<Result | undefined>;
  remove(runId: string): Promise<void>;
}

/** A process whose server is gone ends its run in milliseconds; one with that number that stays is another. */
const WRITER_ENDS_MS = 3_000;

export function runFiles(dataDir: string): RunFiles {
  const folder = (runId: string) => {
    // Names come from our own rows, but those may have come from anywhere.
    if (!/^[\w-]{1,64}$/.test(runId)) throw new RangeError(`${JSON.stringify(runId)} is no run's name.`);
    return resolve(dataDir, "runs", runId);
  };
  const pidFile = (runId: string) => join(folder(runId), "pid");
  return {
    folder,
    async begin(runId, pid) {
      await mkdir(folder(runId), { recursive: true });
      await writeFile(pidFile(runId), String(pid));
    },
    end: (runId) => rm(pidFile(runId), { force: true }),
    async result(runId) {
      const records = join(folder(runId), "records.jsonl");
      await writerGone(pidFile(runId));
      const shards = await shardsIn(folder(runId));
      const files = shards.length > 0 ? shards : [records];
      if (!files.every(existsSync)) return undefined;
      for (const file of files) await cutTornLine(file);
      const result = shards.length > 0 ? await mergeRecords(shards, true) : await resultFromRecords(records);
      return result.levels.length === 0 ? undefined : { ...result, run_id: runId };
    },
    remove: (runId) => rm(folder(runId), { recursive: true, force: true }),
  };
}

/** Where the records of a shard are, from 0; those of a run that was not split are in one file. */
export function shardFile(folder: string, shard: number): string {
  return join(folder, "shards", `${shard + 1}.jsonl`);
}

async function shardsIn(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, "shards")).catch(() => []);
  return names
    .filter((name) => /^\d+\.jsonl$/.test(name))
    .toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map((name) => join(folder, "shards", name));
}

async function writerGone(pidFile: string): Promise<void> {
  const pid = Number(await readFile(pidFile, "utf8").catch(() => ""));
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return;
  const deadline = performance.now() + WRITER_ENDS_MS;
  while (isAlive(pid) && performance.now() < deadline) await setTimeout(20);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

const NEWLINE = 0x0a;

/** A writer that was killed, or ran out of disk, may have left half a line; the lines before it stand. */
async function cutTornLine(path: string): Promise<void> {
  const { size } = await stat(path);
  let start = size;
  while (start > 0) {
    const from = Math.max(0, start - 64 * 1024);
    const chunks: Buffer[] = [];
    for await (const chunk of createReadStream(path, { start: from, end: start - 1 })) {
      chunks.push(chunk as Buffer);
    }
    const newline = Buffer.concat(chunks).lastIndexOf(NEWLINE);
    if (newline !== -1) {
      if (from + newline + 1 < size) await truncate(path, from + newline + 1);
      return;
    }
    start = from;
  }
  await truncate(path, 0);
}
