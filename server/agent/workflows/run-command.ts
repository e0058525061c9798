import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Clock } from "../../../src/index.ts";
import type { Environment } from "../../settings/config-error.ts";
import { ANSWER_MAX_BYTES, answerText, HELD_BACK, HookError, saidLine } from "./hook-error.ts";
import type { Hook, HookInput } from "./instance-plan.ts";
import { endGroup, OWN_GROUP } from "./process-group.ts";

export interface CommandOptions {
  /** Where it runs, and where a relative path of it begins. */
  readonly cwd: string;
  readonly env: Environment;
  readonly clock: Clock;
  readonly redact: (text: string) => string;
}

type Command = Extract<Hook, { kind: "command" }>;

const STDERR_CHARACTERS = 32 * 1024;
/** Some programs say what went wrong before they say where. */
const LAST_LINES = 20;
const LINE_CHARACTERS = 300;
/** Whoever is left running by the command may hold its output open for ever. */
const LAST_OUTPUT_MS = 1_000;

/**
 * Runs a command without a shell and gives what it printed. Settles once all that it started is gone where it
 * had to be stopped, so that what comes next never meets it.
 * @throws HookError when it cannot be started, fails, takes too long or is interrupted.
 */
export async function runCommand(
  { argv, timeoutMs }: Command,
  input: HookInput,
  signal: AbortSignal,
  { cwd, env, clock, redact }: CommandOptions,
): Promise<string> {
  const name = `The ${input.event} hook`;
  if (signal.aborted) throw new HookError(`${name} was interrupted before it began.`);
  const child = started(argv, cwd, env, name, redact);
  const printed = firstOf(child.stdout!);
  const said = lastOf(child.stderr!);
  // Not every command reads what it is told.
  child.stdin!.on("error", () => {}).end(`${JSON.stringify(input)}\n`);

  const closed = new Promise((resolve) => child.once("close", resolve));
  const ended = new Promise<string | undefined>((resolve, reject) => {
    child.once("error", (error) => reject(notStarted(name, argv[0], error, redact)));
    child.once("exit", (code, by) => resolve(by ?? (code === 0 ? undefined : `exit status ${code}`)));
  });
  let stopped: string | undefined;
  let stopping: Promise<void> | undefined;
  const stop = (why: string) => {
    if (child.pid === undefined || stopped !== undefined) return;
    stopped = why;
    stopping = endGroup(child.pid, clock);
  };
  const interrupt = () => stop("was interrupted");
  const forget = clock.alarm(clock.now() + timeoutMs * 1e6, () =>
    stop(`took longer than ${timeoutMs / 1000} s and was stopped`),
  );
  signal.addEventListener("abort", interrupt, { once: true });
  let failure: string | undefined;
  try {
    failure = await ended;
  } finally {
    forget();
    signal.removeEventListener("abort", interrupt);
  }
  await stopping;
  await within(closed, LAST_OUTPUT_MS, clock);
  child.stdout!.destroy();
  child.stderr!.destroy();
  if (stopped === undefined && failure === undefined) return answerText(printed, redact);
  const what = stopped ?? (failure?.startsWith("SIG") ? `was ended by ${failure}` : `ended with ${failure}`);
  throw new HookError(`${name} ${what}; ${lastWords(said(), redact)}`);
}

function started(
  argv: readonly string[],
  cwd: string,
  env: Environment,
  name: string,
  redact: (text: string) => string,
): ChildProcess {
  const [program = "", ...rest] = argv;
  try {
    return spawn(program, rest, { cwd, env, detached: OWN_GROUP, stdio: ["pipe", "pipe", "pipe"] });
  } catch (error) {
    throw notStarted(name, program, error as Error, redact);
  }
}

function notStarted(
  name: string,
  program: string | undefined,
  error: Error,
  redact: (text: string) => string,
) {
  const { code } = error as NodeJS.ErrnoException;
  const reason = REASONS[code ?? ""] ?? saidLine(error.message, redact, LINE_CHARACTERS);
  const what = JSON.stringify(saidLine(program ?? "", redact, LINE_CHARACTERS));
  return new HookError(`${name} cannot be started: ${what}: ${reason}.`, { cause: error });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such program, or no folder to run it in",
  EACCES: "it may not be executed",
};

/** The first bytes; the rest is read too, or the command would wait for a reader. */
function firstOf(stream: Readable): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  stream.on("data", (piece: Uint8Array) => {
    if (bytes > ANSWER_MAX_BYTES + HELD_BACK) return;
    bytes += piece.byteLength;
    pieces.push(piece);
  });
  stream.on("error", () => {});
  return pieces;
}

/** The last characters, and whether there were others before them. */
function lastOf(stream: Readable): () => { readonly text: string; readonly cut: boolean } {
  let text = "";
  let cut = false;
  stream.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
    cut ||= text.length > STDERR_CHARACTERS;
    text = text.slice(-STDERR_CHARACTERS);
  });
  stream.on("error", () => {});
  return () => ({ text, cut });
}

function lastWords({ text, cut }: { text: string; cut: boolean }, redact: (text: string) => string): string {
  const hidden = redact(text);
  // The end of a secret may stand where the text was cut.
  const lines = (cut ? hidden.slice(HELD_BACK) : hidden)
    .split(/[\r\n]+/)
    .map((line) => saidLine(line, redact, LINE_CHARACTERS))
    .filter((line) => line !== "")
    .slice(-LAST_LINES);
  return lines.length === 0 ? "it said nothing on standard error." : `its last words: ${lines.join(" | ")}`;
}

async function within(promise: Promise<unknown>, ms: number, clock: Clock): Promise<void> {
  let forget = () => {};
  const enough = new Promise<void>((resolve) => {
    forget = clock.alarm(clock.now() + ms * 1e6, resolve);
  });
  await Promise.race([promise, enough]);
  forget();
}
