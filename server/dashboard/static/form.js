import { ApiProblem } from "./api.js";
import { fill, h } from "./dom.js";

/**
 * @typedef {object} Field
 * @property {string} name as the API has it, dots included: "workload.peak_concurrency"
 * @property {string} label
 * @property {string} [unit]
 * @property {"text" | "password" | "number" | "whole" | "levels" | "choice" | "flag"} kind
 * @property {readonly string[]} [choices]
 * @property {unknown} [value]
 * @property {string} [hint]
 * @property {boolean} [required]
 * @property {boolean} [wide]
 */

/**
 * A form whose mistakes stand beside its fields, in the API's words.
 * @param {object} options
 * @param {readonly { title: string, fields: readonly Field[], folded?: boolean }[]} options.groups
 * @param {string} options.submit
 * @param {(body: Record<string, any>) => Promise<void>} options.send
 */
export function formOf({ groups, submit, send }) {
  const fields = groups.flatMap((group) => group.fields);
  /** @type {Map<string, HTMLInputElement | HTMLSelectElement>} */
  const inputs = new Map();
  const summary = h("div", { class: "summary", role: "alert" });
  const button = h("button", { class: "primary", type: "submit" }, submit);

  const row = (/** @type {Field} */ field) => {
    const input = inputOf(field);
    inputs.set(field.name, input);
    input.addEventListener("input", () => mark(field.name, undefined));
    return h(
      "div",
      { class: `field ${field.kind}${field.wide ? " wide" : ""}` },
      h(
        "label",
        { for: idOf(field.name) },
        field.label,
        field.unit && h("span", { class: "unit" }, ` ${field.unit}`),
      ),
      input,
      field.hint && h("p", { class: "hint", id: `${idOf(field.name)}-hint` }, field.hint),
      h("p", { class: "mistake", id: `${idOf(field.name)}-mistake`, hidden: true }),
    );
  };

  const mark = (/** @type {string} */ name, /** @type {string | undefined} */ message) => {
    const input = inputs.get(name);
    const line = form.querySelector(`#${CSS.escape(`${idOf(name)}-mistake`)}`);
    if (input === undefined || line === null) return false;
    fill(line, message && `✕ ${message}`);
    line.toggleAttribute("hidden", message === undefined);
    if (message === undefined) input.removeAttribute("aria-invalid");
    else {
      input.setAttribute("aria-invalid", "true");
      input.closest("details")?.setAttribute("open", "");
    }
    return true;
  };

  const form = h(
    "form",
    { novalidate: true, class: "form" },
    ...groups.map(({ title, fields: own, folded }) => {
      const rows = h("div", { class: "fields" }, ...own.map(row));
      return folded === undefined
        ? h("fieldset", {}, h("legend", {}, title), rows)
        : h("details", { open: !folded }, h("summary", {}, title), rows);
    }),
    summary,
    h("div", { class: "actions" }, button),
  );

  form.addEventListener("submit", async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    fill(summary);
    for (const { name } of fields) mark(name, undefined);
    button.disabled = true;
    try {
      await send(bodyOf(fields, inputs));
    } catch (error) {
      tell(error);
    } finally {
      button.disabled = false;
    }
  });

  /** @param {unknown} error */
  function tell(error) {
    const details = error instanceof ApiProblem ? error.details : [];
    const elsewhere = details.filter(({ field, message }) => {
      const name = nearest(field, inputs);
      return !mark(name, `${entryOf(field, name)}${message}`);
    });
    const lines =
      details.length === 0
        ? [error instanceof Error ? error.message : String(error)]
        : [
            `${details.length === 1 ? "One field needs" : `${details.length} fields need`} another value.`,
            ...elsewhere.map(({ field, message }) => `${field}: ${message}`),
          ];
    fill(summary, ...lines.map((line) => h("p", { class: "problem" }, `✕ ${line}`)));
    /** @type {HTMLElement | null} */ (form.querySelector("[aria-invalid]"))?.focus();
  }

  return form;
}

/** @param {Field} field */
function inputOf({ name, kind, value, choices = [], hint, required }) {
  const common = {
    id: idOf(name),
    name,
    "aria-describedby": `${hint ? `${idOf(name)}-hint ` : ""}${idOf(name)}-mistake`,
    "aria-required": required && "true",
  };
  if (kind === "choice") {
    return h(
      "select",
      common,
      ...choices.map((choice) => h("option", { value: choice, selected: choice === value }, choice)),
    );
  }
  if (kind === "flag") return h("input", { ...common, type: "checkbox", checked: value === true });
  const text = Array.isArray(value) ? value.join(", ") : (value ?? "");
  return h("input", {
    ...common,
    type: kind === "password" ? "password" : "text",
    inputmode: kind === "number" ? "decimal" : kind === "whole" ? "numeric" : undefined,
    autocomplete: "off",
    spellcheck: "false",
    value: text,
  });
}

/**
 * What is left empty is left out, and the API has its default for it.
 * @param {readonly Field[]} fields
 * @param {Map<string, HTMLInputElement | HTMLSelectElement>} inputs
 */
function bodyOf(fields, inputs) {
  /** @type {Record<string, any>} */
  const body = {};
  for (const { name, kind, required } of fields) {
    const input = /** @type {HTMLInputElement} */ (inputs.get(name));
    const text = input.value.trim();
    // An empty text is sent where one is needed: the API says what is wrong with it better than with nothing.
    const value = kind === "flag" ? input.checked : required && kind === "text" ? text : read(kind, text);
    if (value === undefined) continue;
    const path = name.split(".");
    const last = /** @type {string} */ (path.pop());
    let place = body;
    for (const part of path) place = place[part] ??= {};
    place[last] = value;
  }
  return body;
}

/**
 * What is no number stays the text it is: the API says best what is wrong with it.
 * @param {Field["kind"]} kind
 * @param {string} text
 */
function read(kind, text) {
  if (text === "") return undefined;
  if (kind === "number" || kind === "whole") return asNumber(text);
  if (kind === "levels")
    return text
      .split(/[\s,;]+/)
      .filter(Boolean)
      .map(asNumber);
  return text;
}

/** @param {string} text */
function asNumber(text) {
  return Number.isFinite(Number(text)) ? Number(text) : text;
}

/** "concurrency.2" is told of at "concurrency". @param {string} field @param {Map<string, unknown>} inputs */
function nearest(field, inputs) {
  const path = field.split(".");
  while (path.length > 1 && !inputs.has(path.join("."))) path.pop();
  return path.join(".");
}

/** "concurrency.1" is the second entry of its field. @param {string} field @param {string} name */
function entryOf(field, name) {
  const [, index] = /^\.(\d+)$/.exec(field.slice(name.length)) ?? [];
  return index === undefined ? "" : `entry ${Number(index) + 1} `;
}

/** @param {string} name */
function idOf(name) {
  return `field-${name.replaceAll(".", "-")}`;
}
