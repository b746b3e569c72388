// The strip on the page: a reading's tokens with their gates, the token one stands on, and the keys and clicks to move.

import { $ } from "./dom.js";
import { breath } from "./later.js";
import { FINGER, beside, layOut, linesOf, tokenAt } from "./layout.js";
import { CHANGES, CHANGE_KEYS, on, reading, set, state, strip } from "./state.js";
import { drawLine, palette } from "./strips.js";
import { gapsOf } from "./text.js";
import { Tiles } from "./tiles.js";
import { showTooltip } from "./tooltip.js";
import { listedFor, annotations } from "./annotations.js";
import { t } from "./words.js";

let laid = null; // the lines as they are now
let width = 0; // of their place
let colours = null;
let scene = null;
let hover = null;
let walking = false; // by keys, so that the word they stand on is framed
let tiles = null;

const host = () => $("strip");

/** Takes the strip's width while nothing has been changed: later the page would have to be laid out for it. */
export function measureStrip() {
  width = Math.floor(host().getBoundingClientRect().width); // rounded up it would be squeezed into the strip
}

/** Starts the strip; `opened(token)` is called for a token that is to be explained, `toggled(kind, tokens)` for a change. */
export function startStrip({ opened, toggled, closed }) {
  tiles = new Tiles(host(), (pen, line) => drawLine(pen, line, scene, colours));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    colours = palette();
    tiles.redraw();
  });
  new ResizeObserver(([{ contentRect }]) => {
    const now = Math.floor(contentRect.width);
    if (now === width) return; // its height is our own doing
    width = now;
    breath().then(arrange);
  }).observe(host());
  on(["readings", "chosen", "layerIndex", "language"], arrange);
  on(["at", "explained", "retention", "origin", "textbook", ...CHANGES], refresh);
  listen(opened, toggled, closed);
}

function listen(opened, toggled, closed) {
  const place = (event) => {
    const box = host().getBoundingClientRect();
    return laid && tokenAt(laid, event.clientX - box.left, event.clientY - box.top);
  };
  host().addEventListener("pointermove", (event) =>
    hovered(event.pointerType === "touch" ? null : place(event)),
  );
  host().addEventListener("pointerleave", () => hovered(null));
  host().addEventListener("click", (event) => {
    const token = place(event);
    if (token === null) return;
    [hover, walking] = [null, false];
    showTooltip(null);
    opened(token);
    intoView(token);
  });
  host().addEventListener("focus", () => {
    walking = host().matches(":focus-visible");
    refresh();
    if (!laid || !reading() || !walking) return;
    if (state.at === null) set({ at: 0 });
    say(state.at);
    intoView(state.at);
  });
  addEventListener("scroll", () => follow(document.activeElement !== host()), { passive: true });
  host().addEventListener("blur", () => {
    showTooltip(null);
    refresh();
  });
  host().addEventListener("keydown", (event) => {
    if (!laid || !reading() || event.ctrlKey || event.metaKey || event.altKey) {
      if (!(event.ctrlKey && ["Home", "End"].includes(event.key))) return;
    }
    const at = state.at ?? 0;
    const kind = CHANGE_KEYS[event.key.toLowerCase()];
    if (event.key === "Enter" || event.key === " ") opened(at);
    else if (event.key === "Escape") closed();
    else if (kind) toggled(kind, event.shiftKey ? listedFor(kind) : [at]);
    else {
      const to = moved(event, at);
      if (to === null) return;
      set({ at: to });
      say(to);
      intoView(to);
    }
    event.preventDefault();
    walking = true;
    refresh();
  });
}

/** Where a key leads from a token; null for a key that leads nowhere. */
function moved(event, at) {
  const last = reading().tokens.length - 1;
  const line = laid.lines[laid.of[at]].cells;
  const to = {
    ArrowRight: () => at + 1,
    ArrowLeft: () => at - 1,
    ArrowDown: () => beside(laid, at, 1),
    ArrowUp: () => beside(laid, at, -1),
    Home: () => (event.ctrlKey ? 0 : line[0].token),
    End: () => (event.ctrlKey ? last : line.at(-1).token),
    PageDown: () => at + 50,
    PageUp: () => at - 50,
  }[event.key];
  return to ? Math.max(0, Math.min(last, to())) : null;
}

function arrange() {
  const read = reading();
  const shown = strip();
  host().hidden = !read;
  laid = null;
  if (!read || !shown || !width) return;
  const style = getComputedStyle(host());
  const font = `500 17px ${style.fontFamily}`;
  scene = {
    font,
    laneFont: `600 11px ${style.fontFamily}`,
    rankFont: `700 9px ${style.fontFamily}`,
    tokens: read.tokens,
  };
  const pen = (arrange.pen ??= document.createElement("canvas").getContext("2d"));
  pen.font = font;
  const widths = new Map();
  const measure = (token) => {
    if (!widths.has(token)) widths.set(token, pen.measureText(token).width);
    return widths.get(token);
  };
  const lanes = Object.keys(shown.gates).length + 1;
  laid = layOut({
    tokens: read.tokens,
    gaps: gapsOf(state.text, read),
    askedFrom: read.question_start,
    width,
    lanes,
    measure,
    least: matchMedia("(pointer: coarse)").matches ? FINGER : undefined,
  });
  laid.of = linesOf(laid.lines);
  colours = palette();
  dress();
  tiles.arrange(laid, width);
  if (!$("tip").hidden) follow(false);
}

/** Puts what is marked now into the scene. */
function dress() {
  Object.assign(scene, annotations(), { hover, at: state.at, focused: walking && document.activeElement === host() });
  host().setAttribute("aria-label", t("strip.label", { n: scene.tokens.length }));
  host().setAttribute("aria-valuemax", scene.tokens.length);
}

function refresh() {
  if (!laid || !reading()) return;
  dress();
  tiles.redraw();
  const token = hover ?? (scene.focused ? state.at : null);
  if (token !== null && !$("tip").hidden) showTooltip(token, boxOf(token));
}

/** The tip goes where its token went; or away, if it was shown to a pointer that has not moved. */
function follow(away) {
  if (away) hover = null;
  const token = hover ?? (document.activeElement === host() && !$("tip").hidden ? state.at : null);
  if (laid && reading()) showTooltip(token, token === null ? null : boxOf(token));
}

function hovered(token) {
  if (token === hover) return;
  hover = token;
  refresh();
  showTooltip(token, token === null ? null : boxOf(token));
}

/** A token's place on the screen. */
function boxOf(token) {
  const line = laid.lines[laid.of[token]];
  const cell = line.cells.find((each) => each.token === token);
  const box = host().getBoundingClientRect();
  return { left: box.left + cell.x, top: box.top + line.top, width: cell.width, height: laid.line };
}

/** How far down the window words are seen: on a narrow one the explanation lies over its lower part. */
function floor() {
  const panel = $("panel");
  const over = panel.classList.contains("open") && getComputedStyle(panel).bottom === "0px";
  return over ? 0.46 * window.innerHeight : window.innerHeight - 90;
}

/** Brings a token into sight without moving more than needed. */
export function intoView(token) {
  if (!laid) return;
  const box = boxOf(token);
  const low = floor() - box.top - box.height;
  if (box.top < 70) window.scrollBy(0, box.top - 70);
  else if (low < 0) window.scrollBy(0, -low);
}

/** The numbers at a token, to the eye beside it, and to the ear as what the strip stands on. */
function say(token) {
  host().setAttribute("aria-valuenow", token + 1);
  host().setAttribute("aria-valuetext", showTooltip(token, boxOf(token)));
}
