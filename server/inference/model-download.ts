import { createHash } from "node:crypto";
import { access, type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { checkGguf } from "./gguf-check.ts";
import { ModelError } from "./model-error.ts";

export interface DownloadOptions {
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  /** How often in a row nothing may arrive before the download is given up. */
  readonly attempts?: number;
  /** Before the second attempt; doubled with each further one. */
  readonly pauseMs?: number;
  /** How long a connection may say nothing. */
  readonly silenceMs?: number;
  /** Ends the download; what can be resumed is kept. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The path of the model at an http(s) address, which is downloaded unless it is there already.
 * What broke off goes on where it ended, after a restart too, as long as the server says that its file is the same.
 * The model's own name appears only once every byte is there and the file was checked.
 */
export async function downloadModel(
  address: string,
  directory: string,
  options: DownloadOptions = {},
): Promise<string> {
  const url = new URL(address);
  // Files of one name may come from several places.
  const folder = join(directory, digest(url.origin + url.pathname));
  const path = join(folder, fileName(url));
  if (await exists(path)) return path;
  let part: Part | undefined;
  try {
    await mkdir(folder, { recursive: true });
    part = await fetchWhole(url, path, options);
    checkGguf(part.path);
    await rename(part.path, path).catch(async (error: unknown) => {
      // Another server that downloads into the same folder was quicker.
      if (!(await exists(path))) throw error;
    });
    await removeParts(folder);
    return path;
  } catch (cause) {
    if (part !== undefined) await rm(part.path, { force: true });
    if (cause instanceof ModelError && cause.code === "MODEL_CORRUPT") {
      throw failure(
        url,
        `what came is no model: ${cause.message.replace(/^.*?: /, "").replace(/\.$/, "")}`,
        cause,
      );
    }
    throw cause instanceof ModelError ? cause : failure(url, reasonOf(cause), cause);
  }
}

/** Of versions that the server no longer has. */
async function removeParts(folder: string): Promise<void> {
  const parts = (await readdir(folder)).filter((name) => name.endsWith(".part"));
  await Promise.all(parts.map((name) => rm(join(folder, name), { force: true })));
}

/** Bytes that are there, and how the server tells its file from a later one; without that nothing can be resumed. */
interface Part {
  readonly path: string;
  readonly validator: string | undefined;
}

async function fetchWhole(url: URL, path: string, options: DownloadOptions): Promise<Part> {
  const { attempts = 5, pauseMs = 1_000 } = options;
  let left = attempts;
  for (;;) {
    const step = await fetchSome(url, path, options);
    if (step.ended === "whole") return step.part;
    left = step.received > 0 ? attempts : left;
    if (--left <= 0 || options.signal?.aborted) {
      if (step.part !== undefined && step.part.validator === undefined)
        await rm(step.part.path, { force: true });
      throw step.error;
    }
    await pause(pauseMs * 2 ** (attempts - 1 - left), undefined, { signal: options.signal });
  }
}

type Step =
  | { readonly ended: "whole"; readonly part: Part }
  | {
      readonly ended: "early";
      readonly part: Part | undefined;
      readonly received: number;
      readonly error: unknown;
    };

/** One connection, or two where a part can be gone on with. Throws what trying again would not mend. */
async function fetchSome(url: URL, path: string, options: DownloadOptions): Promise<Step> {
  let part: Part | undefined;
  let received = 0;
  const watch = new Silence(options.silenceMs ?? 30_000, options.signal);
  try {
    let response = await ask(url, watch);
    part = partOf(response, path);
    let file = await openPart(part);
    try {
      let offset = (await file.stat()).size;
      if (offset > 0) {
        await response.body?.cancel();
        response = await ask(url, watch, { Range: `bytes=${offset}-`, "If-Range": part.validator ?? "" });
        // Everything was there but for its last check, or the server sends it all again.
        if (response.status === 416) return { ended: "whole", part };
        if (response.status !== 206) {
          offset = 0;
          part = partOf(response, path);
          await file.close();
          file = await openPart(part);
        }
      }
      const length = numberOf(response.headers.get("content-length"));
      const total = length === undefined ? undefined : offset + length;
      for await (const piece of response.body ?? []) {
        watch.heard();
        // At its position: two servers that share a folder then write the same bytes to the same places.
        await file.write(piece, 0, piece.length, offset);
        offset += piece.length;
        received += piece.length;
        options.onProgress?.(offset, total ?? 0);
      }
      if (total !== undefined && offset !== total)
        throw new Error(`it ended after ${offset} of ${total} bytes`);
      await file.truncate(offset);
      await file.sync();
      return { ended: "whole", part };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof ModelError || isOfTheDisk(error)) throw error;
    return {
      ended: "early",
      part,
      received,
      error: watch.isOver ? new Error("nothing more arrives") : error,
    };
  } finally {
    watch.end();
  }
}

async function ask(url: URL, watch: Silence, headers: Record<string, string> = {}): Promise<Response> {
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const response = await fetch(bare, {
    headers: {
      // A compressed answer has another length than its file.
      "Accept-Encoding": "identity",
      ...(credentials !== ":" && { Authorization: `Basic ${Buffer.from(credentials).toString("base64")}` }),
      ...headers,
    },
    signal: watch.signal,
  });
  watch.heard();
  if (response.ok || response.status === 416) return response;
  await response.body?.cancel();
  const answer = `the server answers ${response.status} ${response.statusText}`.trim();
  // The server may be well again in a moment.
  if (response.status >= 500 || response.status === 429 || response.status === 408) throw new Error(answer);
  throw failure(url, answer);
}

/** Empty unless it can be gone on with. */
async function openPart({ path, validator }: Part): Promise<FileHandle> {
  if (validator === undefined) return open(path, "w");
  // Node has no flag that opens for writing anywhere, makes what is missing and keeps what is there.
  await (await open(path, "a")).close();
  return open(path, "r+");
}

/** Named after the version of the file that it is a part of. */
function partOf({ headers }: Response, path: string): Part {
  const etag = headers.get("etag");
  const validator =
    etag !== null && !etag.startsWith("W/") ? etag : (headers.get("last-modified") ?? undefined);
  return { path: `${path}.${digest(validator ?? "")}.part`, validator };
}

/** Ends a connection on which nothing is heard. */
class Silence {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** Aborted by silence or from outside. */
  readonly signal: AbortSignal;

  constructor(milliseconds: number, outer: AbortSignal | undefined) {
    const { signal } = this.#controller;
    this.signal = outer === undefined ? signal : AbortSignal.any([signal, outer]);
    this.#timer = setTimeout(() => this.#controller.abort(), milliseconds);
  }

  get isOver(): boolean {
    return this.#controller.signal.aborted;
  }

  heard(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** The address without what may be secret in it. */
function failure(url: URL, reason: string, cause?: unknown): ModelError {
  return new ModelError(
    "MODEL_DOWNLOAD_FAILED",
    `The model ${url.origin}${url.pathname} cannot be downloaded: ${reason}.`,
    {
      hint: "Check the address and the network, or download the file yourself and set MODEL to its path.",
      cause,
    },
  );
}

/** `fetch failed` says nothing; its innermost cause says which host and why. */
export function reasonOf(error: unknown): string {
  let current = error;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  if (current instanceof AggregateError && current.errors.length > 0) current = current.errors[0];
  return current instanceof Error ? current.message.replace(/\.$/, "") : String(current);
}

function isOfTheDisk(error: unknown): boolean {
  return ["ENOSPC", "EACCES", "EROFS", "EDQUOT", "EIO", "EFBIG"].includes(
    String((error as NodeJS.ErrnoException).code),
  );
}

/** Only what every file system takes; clients see it as the model's name. */
function fileName(url: URL): string {
  const last = url.pathname.split("/").at(-1) ?? "";
  let name = last;
  try {
    name = decodeURIComponent(last);
  } catch {
    // A stray percent sign: as it is written it names the model just as well.
  }
  const harmless = name.replace(/[^\w.-]+/g, "-").replace(/^[.-]+/, "");
  return /\.gguf$/i.test(harmless) ? harmless : `${harmless || "model"}.gguf`;
}

function numberOf(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
