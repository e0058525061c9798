import { Command } from "commander";

interface Flags extends Readonly<Record<"port" | "host" | "model", string | undefined>> {
  readonly optimize?: true;
}

/** Serves a model with this project's own inference server: the one place where the two sides meet. */
export function serveCommand(): Command {
  return new Command("serve")
    .description("serve a model over the OpenAI API, by default a tiny built-in one for trying things out")
    .option("--port <n>", "port to listen on; 0 picks a free one (default: PORT, or 8085)")
    .option("--host <address>", "address to listen on (default: HOST, or 0.0.0.0)")
    .option(
      "--model <file>",
      "a GGUF file, an https: address or an hf: URI (default: MODEL, or the built-in model)",
    )
    .option(
      "--optimize",
      "first compile llama.cpp for this machine, once: takes minutes, a C++ compiler and cmake",
    )
    .addHelpText(
      "after",
      "\nNeeds the package node-llama-cpp. More settings are environment variables: see .env.example.",
    )
    .action(async (flags: Flags) => {
      const env = {
        ...process.env,
        ...(flags.port !== undefined && { PORT: flags.port }),
        ...(flags.host !== undefined && { HOST: flags.host }),
        ...(flags.model !== undefined && { MODEL: flags.model }),
      };
      if (flags.optimize) {
        const { optimize } = await import("../../server/model/optimize.ts");
        if (!(await optimize(env))) process.exit(2);
      }
      // llama.cpp computes with threads of its own; several that hand it work only get in each other's way.
      // libuv reads this when it is first asked for one, which must not have been before.
      process.env.UV_THREADPOOL_SIZE ??= "1";
      // The server is loaded only here: whoever measures does without its packages.
      const { main } = await import("../../server/main.ts");
      await main(env);
    });
}
