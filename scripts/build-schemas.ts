/** Writes the JSON Schemas of what people write and read: the config file and result.json. */
import { writeFileSync } from "node:fs";
import { configSchema } from "../src/plan/settings.ts";
import { resultSchema } from "../src/report/result-schema.ts";

for (const [file, schema] of Object.entries({ config: configSchema(), result: resultSchema() })) {
  writeFileSync(`docs/${file}.schema.json`, `${JSON.stringify(schema, null, 2)}\n`);
}
