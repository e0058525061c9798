/** The front door: everything the Action, the command line and the server may use of the engine. */
export { type Conclusion, conclusionOf, conclusionOfError } from "./conclusion.ts";
export { ConfigError, GoodputError, type Mistake } from "./errors.ts";
export { CONFIG_KEYS, type ConfigKey, parseConfig } from "./plan/config.ts";
export { readConfigFile } from "./plan/config-file.ts";
export type { Plan } from "./plan/plan.ts";
export { redactor, SHORTEST_SECRET } from "./redact.ts";
export { terminalText as plainText } from "./report/escape.ts";
export { EXPORT_FORMATS, type ExportFormat, render } from "./report/formats.ts";
export { renderMarkdown } from "./report/markdown.ts";
export { renderText } from "./report/text.ts";
export { writeReport, writeReports } from "./report/write-reports.ts";
export type { Finding, LevelResult, ObjectiveResult, Outcome, Result } from "./result.ts";
export { type Progress, type RunOptions, resultFromRecords, runPlan } from "./run.ts";
export { VERSION } from "./version.ts";
