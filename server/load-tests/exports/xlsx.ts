import writeXlsxFile, { type Row } from "write-excel-file/node";
import type { MeasuredRun } from "../../store/run-store.ts";
import { type Cell, exportTable } from "./table.ts";

/** A workbook of two sheets: the levels, one row each, and what goes with all of them. */
export function xlsxExport(run: MeasuredRun): Promise<Buffer> {
  const table = exportTable(run);
  const levels: Row[] = [table.heads.map(head), ...table.levels.map((cells) => cells.map(value))];
  const about: Row[] = table.run.map(([name, cell]) => [head(name), value(cell)]);
  return writeXlsxFile([
    {
      data: levels,
      sheet: "Levels",
      columns: table.heads.map(({ length }) => ({ width: length + 2 })),
      stickyRowsCount: 1,
    },
    { data: about, sheet: "Run", columns: [{ width: 28 }, { width: 48 }] },
  ]).toBuffer();
}

function head(name: string): Row[number] {
  return { value: name, type: String, fontWeight: "bold" };
}

function value(cell: Cell): Row[number] {
  if (cell === undefined) return null;
  return typeof cell === "number" ? { value: cell, type: Number } : { value: cell, type: String };
}
