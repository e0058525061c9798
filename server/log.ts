import { type Logger, pino } from "pino";

/** One JSON object a line on standard error; standard output is left to the line that says where we listen. */
export function createLog(quiet: boolean): Logger {
  return pino(
    {
      level: quiet ? "silent" : "info",
      messageKey: "message",
      base: { service: "goodput" },
      timestamp: () => `,"timestamp":"${timestamp()}"`,
      formatters: { level: (label) => ({ log_level: label.toUpperCase() }) },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}

/** UTC with six decimals; `Date` alone has three. */
function timestamp(): string {
  const microseconds = Math.round((performance.timeOrigin + performance.now()) * 1000);
  const whole = new Date(Math.floor(microseconds / 1000)).toISOString().slice(0, -1);
  return `${whole}${String(microseconds % 1000).padStart(3, "0")}Z`;
}
