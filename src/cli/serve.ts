import { Command } from "commander";

/** Serves a model with this project's own inference server: the one place where the two sides meet. */
export function serveCommand(): Command {
  return new Command("serve")
    .description("serve a model over the OpenAI API, by default a tiny built-in one for trying things out")
    .option("--port <n>", "port to listen on; 0 picks a free one (default: PORT, or 8085)")
    .option("--host <address>", "address to listen on (default: HOST, or 0.0.0.0)")
    .option("--model <file>", "a GGUF file, or an hf: URI (default: MODEL, or the built-in model)")
    .addHelpText(
      "after",
      "\nNeeds the package node-llama-cpp. More settings are environment variables: see .env.example.",
    )
    .action(async (flags: Readonly<Record<"port" | "host" | "model", string | undefined>>) => {
      // The server is loaded only here: whoever measures does without its packages.
      const { main } = await import("../../server/main.ts");
      await main({
        ...process.env,
        ...(flags.port !== undefined && { PORT: flags.port }),
        ...(flags.host !== undefined && { HOST: flags.host }),
        ...(flags.model !== undefined && { MODEL: flags.model }),
      });
    });
}
