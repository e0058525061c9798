import { h } from "./dom.js";

const SHOWN_MS = 2_000;

/**
 * A text that can be taken along.
 * @param {string} label what it is: "Engine flags"
 * @param {string} text
 */
export function copyable(label, text) {
  const pre = h("pre", {}, text);
  const button = h(
    "button",
    {
      type: "button",
      "aria-label": `Copy: ${label}`,
      onclick: async () => {
        button.textContent = (await copied(text)) ? "✓ Copied" : "Selected: copy it";
        if (button.textContent !== "✓ Copied") getSelection()?.selectAllChildren(pre);
        setTimeout(() => {
          button.textContent = "Copy";
        }, SHOWN_MS);
      },
    },
    "Copy",
  );
  return h(
    "div",
    { class: "copyable" },
    h("div", { class: "copyable-head" }, h("span", {}, label), button),
    pre,
  );
}

/**
 * For a POSIX shell, a word each.
 * @param {readonly string[]} words
 */
export function commandLine(words) {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
}

/** A browser lends its clipboard to secure pages only. @param {string} text */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
