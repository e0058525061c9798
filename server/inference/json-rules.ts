const TIME = '[0-9]{2} ":" [0-9]{2} ":" [0-9]{2} ("Z" | [-+] [0-9]{2} ":" [0-9]{2})';

/** Rules that any JSON needs. */
export const JSON_RULES: Readonly<Record<string, string>> = {
  space: '| " " | "\\n" [ \\t]{0,20}',
  char: '[^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\bfnrt/] | "u" [0-9a-fA-F]{4})',
  string: '"\\"" char* "\\""',
  integer: '"-"? ("0" | [1-9] [0-9]{0,15})',
  number: 'integer ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?',
  boolean: '"true" | "false"',
  null: '"null"',
  anything: "anyobject | anyarray | string | number | boolean | null",
  anymember: 'string ":" space anything',
  anyobject: '"{" space (anymember ("," space anymember)* space)? "}"',
  anyarray: '"[" space (anything ("," space anything)* space)? "]"',
};

/** The `format` of a string, between its quotation marks. */
export const STRING_FORMATS: Readonly<Record<string, string>> = {
  date: '[0-9]{4} "-" [0-9]{2} "-" [0-9]{2}',
  time: TIME,
  "date-time": `[0-9]{4} "-" [0-9]{2} "-" [0-9]{2} "T" ${TIME}`,
  uuid: '[0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12}',
};

/** A JSON value as the grammar spells it out. */
export function literal(value: unknown): string {
  return `"${JSON.stringify(value).replace(/["\\]/g, "\\$&")}"`;
}
