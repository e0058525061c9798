/**
 * The expressions of GitHub's workflows, as far as workflows here use them: names, strings, numbers, `==`, `!=`,
 * `!`, `&&`, `||`, brackets and the functions of a job's state. What it does not know is a mistake, not empty.
 */

export interface Contexts {
  readonly [name: string]: unknown;
}

/** How the job has gone so far, for `success()` and its siblings. */
export type JobState = "success" | "failure" | "cancelled";

/** A text with `${{ … }}` in it. */
export function fillIn(text: string, contexts: Contexts, state: JobState): string {
  return text.replaceAll(/\$\{\{(.*?)\}\}/gs, (_, expression: string) =>
    asText(evaluate(expression, contexts, state)),
  );
}

/** An `if:`, which needs no `${{ }}`, and asks for success unless it asks for a state itself. */
export function condition(text: string, contexts: Contexts, state: JobState): boolean {
  const inner = /^\s*\$\{\{(.*)\}\}\s*$/s.exec(text)?.[1] ?? text;
  const asksForState = /\b(?:always|success|failure|cancelled)\(\)/.test(inner);
  return (asksForState || state === "success") && Boolean(evaluate(inner, contexts, state));
}

export function evaluate(text: string, contexts: Contexts, state: JobState): unknown {
  const tokens = text.match(/'(?:[^']|'')*'|==|!=|&&|\|\||[!()]|[\w.*-]+|\S/g) ?? [];
  let at = 0;
  const take = (token: string): boolean => {
    if (tokens[at] !== token) return false;
    at++;
    return true;
  };

  function either(): unknown {
    let left = both();
    while (take("||")) {
      const right = both();
      left = left || right;
    }
    return left;
  }
  function both(): unknown {
    let left = equality();
    while (take("&&")) {
      const right = equality();
      left = left && right;
    }
    return left;
  }
  function equality(): unknown {
    const left = unary();
    if (take("==")) return alike(left, unary());
    if (take("!=")) return !alike(left, unary());
    return left;
  }
  function unary(): unknown {
    if (take("!")) return !unary();
    if (take("(")) {
      const value = either();
      if (!take(")")) throw new Error(`a bracket is not closed in ${text}`);
      return value;
    }
    const token = tokens[at++] ?? "";
    if (token.startsWith("'")) return token.slice(1, -1).replaceAll("''", "'");
    if (/^-?\d+(\.\d+)?$/.test(token)) return Number(token);
    if (token === "true" || token === "false") return token === "true";
    if (take("(")) {
      if (!take(")")) throw new Error(`${token}() is not known with arguments in ${text}`);
      return stateFunction(token, state);
    }
    return lookUp(token, contexts);
  }

  const value = either();
  if (at < tokens.length) throw new Error(`${tokens[at]} is not understood in ${text}`);
  return value;
}

function stateFunction(name: string, state: JobState): boolean {
  if (name === "always") return true;
  if (name === "success" || name === "failure") return state === name;
  if (name === "cancelled") return state === "cancelled";
  throw new Error(`${name}() is not known`);
}

/** GitHub makes nothing of a name it does not know; only its first part must be a context. */
function lookUp(path: string, contexts: Contexts): unknown {
  const [context = "", ...parts] = path.split(".");
  if (!(context in contexts)) throw new Error(`${context} is no context`);
  return parts.reduce<unknown>(
    (value, part) => (typeof value === "object" && value !== null ? (value as Contexts)[part] : undefined),
    contexts[context],
  );
}

/** GitHub compares texts without regard to case. */
function alike(left: unknown, right: unknown): boolean {
  return asText(left).toLowerCase() === asText(right).toLowerCase();
}

function asText(value: unknown): string {
  return value === undefined || value === null ? "" : String(value);
}
