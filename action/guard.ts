/**
 * Loaded before everything else: from here on the step fails, and says so in its outputs, unless
 * `conclude` says otherwise. Without it a promise that nobody settles would end the process quietly, and
 * an error while the other modules load would leave the outputs empty.
 */
import { error, setOutput } from "@actions/core";
import { plainText } from "../src/index.ts";
import { redact } from "./secrets.ts";

let concluded = false;

/** The run has been told: the process may end, with this exit code. */
export function conclude(exitCode: 0 | 1): void {
  concluded = true;
  process.exitCode = exitCode;
}

/** There is no time left: whoever still works on the report is not waited for. */
export function abandon(conclusion: "cancelled"): never {
  if (!concluded) {
    setOutput("conclusion", conclusion);
    setOutput("passed", "false");
    error("The run was cancelled, and its report took too long.", { title: "Goodput: cancelled" });
  }
  conclude(1);
  process.exit(1);
}

process.exitCode = 1;

process.on("uncaughtException", (thrown) => {
  giveUp(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown));
  process.exit(1);
});

process.on("exit", () => {
  if (!concluded) giveUp("The run ended without a result.");
});

function giveUp(message: string): void {
  if (!concluded) {
    setOutput("conclusion", "error");
    setOutput("passed", "false");
  }
  conclude(1);
  error(redact(plainText(redact(message))), { title: "Goodput: internal error" });
}
