import { type Logger, pino } from "pino";
import { redactor } from "../src/index.ts";

/**
 * One JSON object a line on standard error; standard output is left to the line that says where we listen.
 * `secrets` are hidden wherever they turn up: an error of elsewhere may hold any of them.
 */
export function createLog(quiet: boolean, secrets: readonly string[] = []): Logger {
  const redact = redactor(secrets);
  return pino(
    {
      level: quiet ? "silent" : "info",
      messageKey: "message",
      base: { service: "goodput" },
      timestamp: () => `,"timestamp":"${timestamp()}"`,
      formatters: { level: (label) => ({ log_level: label }) },
      serializers: { err: describe },
      hooks: { streamWrite: redact },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}

/** Without what libraries hang on their errors: statements with their values, requests with their headers. */
function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const { code } = error as { code?: unknown };
  return {
    type: name,
    message,
    ...(typeof code === "string" && { code }),
    stack,
    ...(cause instanceof Error && { cause: describe(cause) }),
  };
}

/** UTC with six decimals; `Date` alone has three. */
function timestamp(): string {
  const microseconds = Math.round((performance.timeOrigin + performance.now()) * 1000);
  const whole = new Date(Math.floor(microseconds / 1000)).toISOString().slice(0, -1);
  return `${whole}${String(microseconds % 1000).padStart(3, "0")}Z`;
}
