import type { Imported, LevelResult } from "../../result.ts";
import type { Json } from "./json.ts";

export type ImportedTool = Imported["tool"];

/** One tool's file format. */
export interface Importer {
  readonly tool: ImportedTool;
  readonly title: string;
  /** Sentences: where its figures mean something else than ours of the same name. */
  readonly differences: readonly string[];
  recognizes(document: Json): boolean;
  read(documents: readonly Json[]): ImportedRun;
}

export interface ImportedRun {
  /** Where several tools write one format: which of them it was. */
  readonly title?: string;
  readonly generator: string;
  readonly runId?: string | undefined;
  readonly startedAt?: string | undefined;
  readonly cancelled?: boolean;
  readonly model?: string | undefined;
  readonly url?: string | undefined;
  readonly levels: readonly LevelResult[];
}
