// Elements from a tag, properties and children. Text becomes text, never markup.

export const $ = (id) => document.getElementById(id);

/** An element. A property named on… listens, data-… and aria-… are attributes, null leaves one out. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name in element && !name.startsWith("aria")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""),
  );
  return element;
}

/**
 * Puts children in place of what an element held. The focus stays on the child of the same `data-keep`; if there is none
 * any more, on the element itself, where it can take it: whoever walks by keys is not sent back to the page's start.
 */
export function fill(parent, ...children) {
  const focused = parent !== document.activeElement && parent.contains(document.activeElement);
  const keptKey = focused ? document.activeElement.dataset.keep : undefined;
  parent.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  if (!focused) return;
  const same = keptKey && parent.querySelector(`[data-keep="${CSS.escape(keptKey)}"]`);
  (same || parent).focus({ preventScroll: true });
}

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes. */
export function shape(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Calls `act(width)` when an element's width changes; its height is the page's own doing. */
export function onWidth(host, act) {
  let width = 0;
  new ResizeObserver(([{ contentRect: place }]) => {
    if (place.width === width) return;
    ({ width } = place);
    act(width);
  }).observe(host);
}

/** A button with a text, and what pressing it does. */
export const button = (text, onclick, properties = {}) =>
  el("button", { type: "button", onclick, ...properties }, text);

/** A line of smaller text. */
export const note = (text) => el("p", { class: "note" }, text);

/** A list to choose from. options: [value, text] of each. */
export const select = (options, chosen, properties) =>
  el(
    "select",
    properties,
    options.map(([value, text]) => el("option", { value, selected: value === chosen }, text)),
  );

/** A bar as long as a share of its trough, 0 to 1. It says nothing that the text beside it does not. */
export function bar(value, kind = "") {
  const inner = el("span", { class: "bar-fill" });
  inner.style.width = `${100 * Math.max(0, Math.min(1, value ?? 0))}%`;
  return el("span", { class: `bar ${kind}`, "aria-hidden": "true" }, inner);
}

/** Says something to those who listen to the page rather than look at it. */
export function announce(text) {
  $("live").textContent = text;
}
