import { JSON_RULES, literal, STRING_FORMATS } from "./json-rules.ts";
import { ANNOTATIONS, KEYWORDS_OF } from "./schema-keywords.ts";

/** A schema that no grammar can be made of: every reason with the place it was found at. */
export class SchemaError extends Error {
  readonly mistakes: readonly { readonly path: string; readonly message: string }[];

  constructor(mistakes: SchemaError["mistakes"]) {
    super(mistakes.map(({ path, message }) => `${path}: ${message}`).join("; "));
    this.name = "SchemaError";
    this.mistakes = mistakes;
  }
}

/**
 * A grammar in llama.cpp's notation whose texts are the JSON values a schema describes; without a schema, all
 * objects. What is not listed in `properties` is never generated, and a keyword that cannot be kept is refused,
 * because an answer that only nearly has the asked form is worse than none.
 */
export function jsonGrammar(schema: unknown = { type: "object" }): string {
  return grammarOfSeveral([{ schema, path: "schema" }], ([value]) => value!);
}

/** A grammar in which the values of several schemas, given as the names of their rules, have their places. */
export function grammarOfSeveral(
  schemas: readonly { readonly schema: unknown; readonly path: string }[],
  root: (values: readonly string[]) => string,
): string {
  const rules = new GrammarRules();
  const values = schemas.map(({ schema, path }) => rules.document(schema, path));
  if (rules.mistakes.length > 0) throw new SchemaError(rules.mistakes);
  rules.add("root", root(values));
  return rules.text();
}

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * llama.cpp keeps every way in which a text may go on, and takes time with their square while all other
 * requests wait: schemas and the values of an `enum` together.
 */
const MOST_PARTS = 500;
const LARGEST_BOUND = 1_000;
/** Of all bounds together: llama.cpp writes each repetition out. */
const MOST_REPETITIONS = 5_000;
const DEEPEST = 64;
const MOST_MISTAKES = 20;

class GrammarRules {
  readonly mistakes: { path: string; message: string }[] = [];
  readonly #rules = new Map<string, string>(Object.entries(JSON_RULES));
  readonly #references = new Map<string, string>();
  #referenced = 0;
  #root: unknown;
  #depth = 0;
  #parts = 0;
  #repetitions = 0;
  #full = false;

  add(name: string, rule: string): string {
    this.#rules.set(name, rule);
    return name;
  }

  text(): string {
    return Array.from(this.#rules, ([name, rule]) => `${name} ::= ${rule}\n`).join("");
  }

  /** The name of a rule for a schema whose references lead to places within itself. */
  document(schema: unknown, path: string): string {
    this.#root = schema;
    this.#references.clear();
    return this.#part(schema, path);
  }

  /** The body of a rule; what is wrong with the schema is gathered. */
  value(schema: unknown, path: string): string {
    if (schema === true) return "anything";
    if (!isObject(schema)) return this.#mistake(path, "must be a schema");
    if (this.#depth >= DEEPEST) return this.#mistake(path, "is nested too deeply");
    if (this.#exceeds(1)) return "null";
    this.#depth++;
    try {
      return this.#valueOf(schema, path);
    } finally {
      this.#depth--;
    }
  }

  #valueOf(schema: JsonObject, path: string): string {
    const { $ref, const: constant, enum: values, anyOf, oneOf, allOf, type } = schema;
    if ($ref !== undefined) return this.#only(schema, ["$ref"], path) ?? this.#reference($ref, path);
    if (constant !== undefined) return this.#only(schema, ["const", "type"], path) ?? literal(constant);
    if (values !== undefined) {
      if (!Array.isArray(values) || values.length === 0)
        return this.#mistake(`${path}.enum`, "must be a list");
      if (this.#exceeds(values.length)) return "null";
      return this.#only(schema, ["enum", "type"], path) ?? values.map(literal).join(" | ");
    }
    for (const [keyword, options] of Object.entries({ anyOf, oneOf, allOf })) {
      if (options === undefined) continue;
      if (!Array.isArray(options) || options.length === 0) {
        return this.#mistake(`${path}.${keyword}`, "must be a list");
      }
      if (keyword === "allOf" && options.length > 1) {
        return this.#mistake(`${path}.allOf`, "of more than one schema is not supported");
      }
      const wrong = this.#only(schema, [keyword], path);
      return wrong ?? options.map((one, index) => this.#part(one, `${path}.${keyword}.${index}`)).join(" | ");
    }
    const types = type === undefined ? impliedTypes(schema) : Array.isArray(type) ? type : [type];
    const known = ["type", ...types.flatMap((one) => KEYWORDS_OF[String(one)] ?? [])];
    const wrong = this.#only(schema, known, path);
    if (wrong !== undefined) return wrong;
    return types.map((one) => this.#typed(one, schema, path)).join(" | ") || "anything";
  }

  #typed(type: unknown, schema: JsonObject, path: string): string {
    switch (type) {
      case "object":
        return this.#object(schema, path);
      case "array":
        return this.#array(schema, path);
      case "string":
        return this.#string(schema, path);
      case "integer":
      case "number":
      case "boolean":
      case "null":
        return type;
      default:
        return this.#mistake(`${path}.type`, `${JSON.stringify(type)} is no type of JSON`);
    }
  }

  #object({ properties, required = [], additionalProperties: more }: JsonObject, path: string): string {
    if (!Array.isArray(required)) return this.#mistake(`${path}.required`, "must be a list of names");
    if (properties === undefined) {
      if (required.length > 0)
        return this.#mistake(`${path}.required`, "names what properties does not have");
      if (more === false) return '"{" space "}"';
      if (more === undefined || more === true) return "anyobject";
      const member = this.#rule(`string ":" space ${this.#part(more, `${path}.additionalProperties`)}`);
      return `"{" space (${member} ("," space ${member})* space)? "}"`;
    }
    if (!isObject(properties)) return this.#mistake(`${path}.properties`, "must be an object of schemas");
    const names = Object.keys(properties);
    if (required.some((name) => !names.includes(name))) {
      return this.#mistake(`${path}.required`, "names what properties does not have");
    }
    // From the last property to the first: what may come when nothing, or something, was written before it.
    let asFirst = "";
    let asNext = "";
    for (const name of names.toReversed()) {
      const value = this.#part(properties[name], `${path}.properties.${name}`);
      const member = this.#rule(`${literal(name)} ":" space ${value}`);
      const isRequired = required.includes(name);
      asFirst = this.#rule(`${member} ${asNext}${isRequired ? "" : ` | ${asFirst || '""'}`}`);
      asNext = this.#rule(`${isRequired ? `"," space ${member}` : `("," space ${member})?`} ${asNext}`);
    }
    return `"{" space ${asFirst} space "}"`;
  }

  #array({ items = true, minItems, maxItems }: JsonObject, path: string): string {
    const item = this.#rule(this.value(items, `${path}.items`));
    const bounds = this.#bounds(minItems, maxItems, path, ["minItems", "maxItems"]);
    if (bounds === undefined) return `"[" space (${item} ("," space ${item})* space)? "]"`;
    const { least, most } = bounds;
    if (most === 0) return '"[" space "]"';
    const further = `("," space ${item}){${Math.max(0, least - 1)},${most === undefined ? "" : most - 1}}`;
    const filled = `${item} ${most === 1 ? "" : further} space`;
    return `"[" space ${least === 0 ? `(${filled})?` : filled} "]"`;
  }

  #string({ minLength, maxLength, format }: JsonObject, path: string): string {
    if (format !== undefined) {
      const text = Object.hasOwn(STRING_FORMATS, String(format)) ? STRING_FORMATS[String(format)] : undefined;
      return text === undefined
        ? this.#mistake(`${path}.format`, "is not supported but for date, time, date-time and uuid")
        : `"\\"" ${text} "\\""`;
    }
    const bounds = this.#bounds(minLength, maxLength, path, ["minLength", "maxLength"]);
    return bounds === undefined ? "string" : `"\\"" char{${bounds.least},${bounds.most ?? ""}} "\\""`;
  }

  #bounds(least: unknown, most: unknown, path: string, [low, high]: readonly [string, string]) {
    if (least === undefined && most === undefined) return undefined;
    const valid = (value: unknown, name: string) => {
      const fits = Number.isInteger(value) && Number(value) >= 0 && Number(value) <= LARGEST_BOUND;
      if (value !== undefined && !fits) {
        this.#mistake(`${path}.${name}`, `must be a whole number up to ${LARGEST_BOUND}`);
      }
      return value === undefined || !fits ? undefined : Number(value);
    };
    const bounds = { least: valid(least, low) ?? 0, most: valid(most, high) };
    this.#repetitions += Math.max(bounds.least, bounds.most ?? 0);
    if (this.#repetitions > MOST_REPETITIONS) this.#tooLarge();
    if (bounds.most !== undefined && bounds.most < bounds.least) {
      this.#mistake(`${path}.${high}`, `must not be less than ${low}`);
    }
    return bounds;
  }

  /** A schema that is referred to becomes one rule, so that it may refer to itself. */
  #reference(reference: unknown, path: string): string {
    const known = this.#references.get(String(reference));
    if (known !== undefined) return known;
    const target = resolve(this.#root, reference);
    if (target === undefined) return this.#mistake(`${path}.$ref`, "leads to nothing within the schema");
    const name = `ref${this.#referenced++}`;
    this.#references.set(String(reference), name);
    return this.add(name, this.value(target, String(reference)));
  }

  /** As part of a larger rule. */
  #part(schema: unknown, path: string): string {
    return this.#rule(this.value(schema, path));
  }

  #rule(body: string): string {
    if (/^[a-z]+\d*$/.test(body)) return body;
    return this.add(`rule${this.#rules.size}`, body);
  }

  #exceeds(parts: number): boolean {
    this.#parts += parts;
    if (this.#parts > MOST_PARTS) this.#tooLarge();
    return this.#parts > MOST_PARTS;
  }

  #tooLarge(): void {
    if (!this.#full) this.#mistake("schema", "is too large");
    this.#full = true;
  }

  #only(schema: JsonObject, keywords: readonly string[], path: string): string | undefined {
    const others = Object.keys(schema).filter((key) => !keywords.includes(key) && !ANNOTATIONS.includes(key));
    for (const key of others) this.#mistake(`${path}.${key}`, "is not supported here");
    return others.length > 0 ? "null" : undefined;
  }

  #mistake(path: string, message: string): string {
    if (this.mistakes.length < MOST_MISTAKES) this.mistakes.push({ path, message });
    return "null";
  }
}

function impliedTypes(schema: JsonObject): string[] {
  return Object.keys(KEYWORDS_OF).filter((type) => KEYWORDS_OF[type]!.some((key) => key in schema));
}

function resolve(root: unknown, reference: unknown): unknown {
  if (typeof reference !== "string" || !/^#(\/|$)/.test(reference)) return undefined;
  let target = root;
  for (const step of reference.split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    target = isObject(target) && Object.hasOwn(target, key) ? target[key] : undefined;
  }
  return target;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
