import { type Result, renderText } from "../index.ts";

const NARROWEST = 80;
const PIPED = 120;

/** The report as this terminal can show it; plain and of a fixed width where there is none. */
export function terminalReport(result: Result): string {
  const { isTTY, columns } = process.stdout;
  const color = isTTY === true && process.stdout.hasColors() && process.env.NO_COLOR === undefined;
  return renderText(result, { color, width: isTTY ? Math.max(NARROWEST, columns) : PIPED });
}
