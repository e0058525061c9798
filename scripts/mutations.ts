/** One token that is another. */
export interface Mutation {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

const OPERATORS: Readonly<Record<string, string>> = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "===": "!==",
  "!==": "===",
  "&&": "||",
  "||": "&&",
  "+=": "-=",
  "-=": "+=",
  "++": "--",
  "--": "++",
};
const NAMES: Readonly<Record<string, string>> = {
  min: "max",
  max: "min",
  floor: "ceil",
  ceil: "floor",
  some: "every",
  every: "some",
};

/** Every change of one operator, number, truth value or function of that kind, outside of types. */
export function mutationsOf(program: unknown, source: string): Mutation[] {
  const found: Mutation[] = [];
  const visit = (value: unknown) => {
    if (Array.isArray(value)) for (const one of value) visit(one);
    if (typeof value !== "object" || value === null || typeof (value as Node).type !== "string") return;
    const node = value as Node;
    // Types are gone when the code runs.
    if (/^TS(?!AsExpression|NonNullExpression|SatisfiesExpression)/.test(node.type)) return;
    found.push(...ofNode(node, source));
    for (const child of Object.values(node)) visit(child);
  };
  visit(program);
  return found;
}

function ofNode(node: Node, source: string): Mutation[] {
  const { start, end } = node;
  switch (node.type) {
    case "BinaryExpression":
    case "LogicalExpression":
    case "AssignmentExpression": {
      const operator = node.operator as string;
      const other = OPERATORS[operator];
      if (other === undefined) return [];
      const from = (node.left as Node).end;
      const at = source.indexOf(operator, from);
      return at === -1 ? [] : [{ start: at, end: at + operator.length, text: other }];
    }
    case "UpdateExpression": {
      const operator = node.operator as string;
      const at = node.prefix === true ? start : end - operator.length;
      return [{ start: at, end: at + operator.length, text: OPERATORS[operator]! }];
    }
    case "UnaryExpression":
      return node.operator === "!" || node.operator === "-" ? [{ start, end: start + 1, text: "" }] : [];
    case "Literal":
      if (typeof node.value === "number") return [{ start, end, text: String(node.value + 1) }];
      if (typeof node.value === "boolean") return [{ start, end, text: String(!node.value) }];
      return [];
    case "MemberExpression": {
      const property = node.property as Node;
      const other = node.computed === true ? undefined : NAMES[property.name as string];
      return other === undefined ? [] : [{ start: property.start, end: property.end, text: other }];
    }
    default:
      return [];
  }
}
