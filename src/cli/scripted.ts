import { Command } from "commander";
import { ConfigError } from "../index.ts";
import type { ScriptFlag, ScriptFlags } from "../scripted/parse-script.ts";

const FLAGS: Readonly<Record<ScriptFlag, readonly [argument: string, help: string]>> = {
  port: ["<n>", "port to listen on; 0 picks a free one (default 8090)"],
  ttft: ["<time>", "from a request to its first token (default 50ms)"],
  gap: ["<time>", "between chunks (default 10ms)"],
  "tokens-per-chunk": ["<n>", "tokens in each chunk (default 1)"],
  chunks: ["<n>", "chunks of each answer (default: as many as tokens were asked for)"],
  buffer: ["<n|all>", "chunks written at once, as by a proxy that buffers (default 1)"],
  capacity: ["<n>", "requests computed at once; others wait in order (default: all of them)"],
  "prefix-cache": [
    "<n>",
    "keep how prompts began, in blocks of n words, and answer those sooner (default: no cache)",
  ],
  "fail-rate": ["<share>", "share of requests that fail, for example 5%"],
  "fail-kind": ["<kind>", "how: status_500 (default), status_429, reset, truncate, error_event or silence"],
  seed: ["<n>", "the same seed fails the same requests (default 1)"],
  "stall-at": ["<time>", "after the first request, stop writing once for --stall-for"],
  "stall-for": ["<time>", "how long to write nothing"],
  model: ["<name>", "name of the model that it lists (default scripted)"],
  protocol: ["<name,…>", "protocols to speak (default all)"],
};

/** A server that needs no model: its moments are known, so what a client measures can be checked. */
export function scriptedCommand(): Command {
  const command = new Command("scripted").description(
    "serve scripted answers at known moments, for trying out and testing what measures or calls a model",
  );
  for (const [flag, [argument, help]] of Object.entries(FLAGS)) {
    command.option(`--${flag} ${argument}`, help);
  }
  return command
    .option("--flood", "write every answer whole and at once, to find out what a client can take")
    .option("--host <address>", "address to listen on (default 127.0.0.1)")
    .addHelpText(
      "after",
      `
Speaks OpenAI's chat, completions, responses and embeddings, Triton, TGI, Ollama and Goodput's own /inference.
Its true figures are at /metrics, in vLLM's names. Ctrl+C ends it.`,
    )
    .action(async (given: Readonly<Record<string, string | boolean | undefined>>) => {
      // Loaded only here: whoever measures does without it.
      const { parseScript } = await import("../scripted/parse-script.ts");
      const { startScriptedServer } = await import("../scripted-server.ts");
      const named = Object.keys(FLAGS).map((flag) => [flag, given[camelCase(flag)]]);
      const flags: ScriptFlags = Object.fromEntries(named.filter(([, value]) => value !== undefined));
      const { script, port } = parseScript({ ...flags, flood: given.flood === true });
      const server = await startScriptedServer(script, port, String(given.host ?? "127.0.0.1")).catch(
        (error: Error) => {
          throw new ConfigError([{ field: "--port", value: String(port), message: cannotListen(error) }]);
        },
      );
      process.stdout.write(`Scripted server at ${server.url}\n`);
      await new Promise<void>((resolve) => {
        process.once("SIGINT", () => resolve());
        process.once("SIGTERM", () => resolve());
      });
      await server.close();
    });
}

function cannotListen(error: NodeJS.ErrnoException): string {
  return error.code === "EADDRINUSE"
    ? "is taken by another program; give another one, or 0 for a free one."
    : `cannot be listened on: ${error.message}`;
}

function camelCase(flag: string): string {
  return flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
