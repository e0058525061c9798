/**
 * @typedef {Node | string | number | null | undefined | false | readonly Child[]} Child
 */

/**
 * One element. Children that are no elements become text, so that nothing a server says is ever read as HTML.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] `on…` are listeners, `undefined` and `false` leave one out
 * @param {...Child} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * An address in this page; what stands between its slashes is data.
 * @param {...string} parts
 */
export function route(...parts) {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/**
 * @param {Element} element
 * @param {readonly Child[]} children
 */
function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
}
