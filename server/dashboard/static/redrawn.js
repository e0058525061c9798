import { fill, h } from "./dom.js";

/**
 * A part of a page that is drawn again only when it says something else: what changes below the pointer is a
 * nuisance, and a field that somebody fills in would be emptied.
 * @template Value
 * @param {(value: Value) => import("./dom.js").Child} draw
 * @param {string} [tag]
 */
export function redrawn(draw, tag = "div") {
  let seen = "";
  const element = h(tag);
  return {
    element,
    /** @param {Value} value */
    show(value) {
      const text = JSON.stringify(value) ?? "";
      if (text === seen) return;
      seen = text;
      const focused = document.activeElement?.id;
      fill(element, draw(value));
      if (focused) document.getElementById(focused)?.focus();
    },
  };
}
