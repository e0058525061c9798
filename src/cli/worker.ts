import { Command } from "commander";

/** Measures shards of the runs of a server, on as many machines as there are workers. */
export function workerCommand(): Command {
  return new Command("worker")
    .description("measure parts of a server's runs, taken from its queue in PostgreSQL")
    .addHelpText(
      "after",
      `
Settings are environment variables, or stand in .env, as for the server: DATABASE_URL or DB_HOST names its
database, GOODPUT_API_KEY is the key for targets. The server splits runs when RUN_SHARDS is 2 or more, and a run
begins once as many workers have taken a part.`,
    )
    .action(async () => {
      // Loaded only here: whoever measures alone does without its packages.
      const { main } = await import("../../server/workers/worker-main.ts");
      await main();
    });
}
