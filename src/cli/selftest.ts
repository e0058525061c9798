import { Command } from "commander";
import { EXIT_CODES } from "./exit-codes.ts";

/** Finds out what this machine can generate before anything is concluded from it. */
export function selftestCommand(done: (exitCode: number) => void): Command {
  return new Command("selftest")
    .description("find out what this machine can generate and how true it measures, in half a minute")
    .option("--json", "print the figures as JSON")
    .option("--quick", "take a few seconds only, for coarser figures and no more than 10 streams")
    .action(async ({ json, quick }: { readonly json?: boolean; readonly quick?: boolean }) => {
      // Loaded only here: a run starts the sooner without it.
      const { QUICK_SELFTEST, selftest } = await import("../selftest.ts");
      const { selftestText } = await import("../selftest-text.ts");
      const interrupt = new AbortController();
      const onSigint = () => {
        // Asked twice: whoever asks does not want to wait.
        if (interrupt.signal.aborted) process.exit(EXIT_CODES.cancelled);
        interrupt.abort();
      };
      process.on("SIGINT", onSigint);
      const { stderr } = process;
      try {
        const result = await selftest({
          ...(quick && { sizes: QUICK_SELFTEST }),
          signal: interrupt.signal,
          onStep: (step) => stderr.isTTY && stderr.write(`\r\x1b[KMeasuring ${step} …`),
        });
        if (stderr.isTTY) stderr.write("\r\x1b[K");
        process.stdout.write(`${json ? JSON.stringify(result, undefined, 2) : selftestText(result)}\n`);
        done(0);
      } finally {
        process.off("SIGINT", onSigint);
      }
    });
}
