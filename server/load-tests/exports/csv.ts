import type { MeasuredRun } from "../../store/run-store.ts";
import { type Cell, exportTable } from "./table.ts";

/** One row for each level, the run's own cells in every one of them; a run without levels has one row of those alone. */
export function csvExport(run: MeasuredRun): string {
  const table = exportTable(run);
  const heads = [...table.heads, ...table.run.map(([name]) => name)];
  const none = table.heads.map(() => undefined);
  const levels = table.levels.length > 0 ? table.levels : [none];
  const rows = levels.map((cells) => [...cells, ...table.run.map(([, value]) => value)]);
  // RFC 4180 ends every line with CR LF.
  return [heads, ...rows].map((cells) => `${cells.map(quoted).join(",")}\r\n`).join("");
}

function quoted(cell: Cell): string {
  const text = cell === undefined ? "" : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
