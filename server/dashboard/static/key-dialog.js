import { fill, h } from "./dom.js";

/** @type {Promise<string | undefined> | undefined} */
let open;

/**
 * Asks once, however many calls were refused at the same time; undefined when nobody wants to give one.
 * @param {boolean} refused whether one was given already
 */
export function askForKey(refused) {
  open ??= ask(refused).finally(() => {
    open = undefined;
  });
  return open;
}

/**
 * @param {boolean} refused
 * @returns {Promise<string | undefined>}
 */
function ask(refused) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("key-dialog"));
  const input = h("input", {
    id: "api-key",
    type: "password",
    autocomplete: "off",
    required: true,
    spellcheck: "false",
  });
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: "key-title" }, "API key"),
    h("p", {}, "This server wants its API key for what starts, stops or deletes something."),
    refused && h("p", { class: "problem", role: "alert" }, "✕ The key was not accepted."),
    h("div", { class: "field" }, h("label", { for: "api-key" }, "Key"), input),
    h("p", { class: "hint" }, "Kept in this tab until it is closed."),
    h(
      "div",
      { class: "actions" },
      h("button", { class: "primary", type: "submit" }, "Use this key"),
      h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
    ),
  );
  fill(dialog, form);
  return new Promise((resolve) => {
    let given;
    form.addEventListener("submit", () => {
      given = input.value.trim() || undefined;
    });
    dialog.addEventListener("close", () => resolve(given), { once: true });
    dialog.showModal();
    input.focus();
  });
}
