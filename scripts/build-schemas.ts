/**
 * Writes what follows from the settings: the JSON Schemas of the config file and of result.json, and the inputs
 * of action.yml that are settings.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { configSchema, SETTINGS } from "../src/plan/settings.ts";
import { resultSchema } from "../src/report/result-schema.ts";

for (const [file, schema] of Object.entries({ config: configSchema(), result: resultSchema() })) {
  writeFileSync(`docs/${file}.schema.json`, `${JSON.stringify(schema, null, 2)}\n`);
}

const inputs = Object.entries(SETTINGS).map(
  ([name, { help }]) =>
    `  ${name}:\n    description: ${JSON.stringify(`${help[0]!.toUpperCase()}${help.slice(1)}.`)}\n`,
);
const action = readFileSync("action.yml", "utf8");
writeFileSync(
  "action.yml",
  action.replace(/(?<= {2}# <settings>\n).*(?= {2}# <\/settings>)/s, () => inputs.join("")),
);
