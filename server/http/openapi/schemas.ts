import { z } from "zod";

type JsonSchema = Readonly<Record<string, unknown>>;

/** Turns the schemas that requests are read with into those of the document; named ones stand there once. */
export class SchemaWriter {
  readonly #components = new Map<string, JsonSchema>();

  /** All schemas with an id in their registry, as far as they were written. */
  get components(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries([...this.#components].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** `io`: whether it tells what may be sent, with defaults left out, or what is answered. */
  write(schema: z.ZodType, io: "input" | "output"): JsonSchema {
    const { $schema, $defs, ...rest } = z.toJSONSchema(schema, {
      io,
      unrepresentable: "any",
      override: ({ jsonSchema }) => {
        // An answer may have more fields in a later version; whoever reads it should not mind.
        if (io === "output" && jsonSchema.additionalProperties === false)
          delete jsonSchema.additionalProperties;
        // A bound that every whole number keeps says nothing.
        if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
        if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      },
    }) as Record<string, unknown> & { readonly $defs?: Readonly<Record<string, JsonSchema>> };
    for (const [id, definition] of Object.entries($defs ?? {})) this.#define(id, definition);
    return relocated(rest);
  }

  #define(id: string, definition: JsonSchema): void {
    const schema = relocated(definition);
    const known = this.#components.get(id);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) {
      throw new Error(`Two different schemas are called ${id}.`);
    }
    this.#components.set(id, schema);
  }
}

function referenceOf(id: string): string {
  return `#/components/schemas/${id}`;
}

/** References within one schema become references within the document. */
function relocated(schema: JsonSchema): JsonSchema {
  const text = JSON.stringify(schema, (key, value) =>
    key === "$ref" && typeof value === "string" ? value.replace(/^#\/\$defs\//, referenceOf("")) : value,
  );
  return JSON.parse(text) as JsonSchema;
}
