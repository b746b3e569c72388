// The picture of a window: values, forecast and gates over time; the step one stands on, and the keys and clicks to move.

import { gateLanes, lastLane, listedFor, ranks } from "../annotations.js";
import { $, el, fill, onWidth, shape } from "../dom.js";
import { closeExplained, explainToken } from "../explain.js";
import { fullName, gateName } from "../names.js";
import { unit } from "../numbers.js";
import { CHANGES, CHANGE_KEYS, isGated, model, on, reading, set, state, strip } from "../state.js";
import { toggle } from "../what-if.js";
import { has, list, t } from "../words.js";
import { MOST_ROWS, draw, layOut, over } from "./chart.js";
import { figure } from "./figures.js";
import { restsLane } from "./rests.js";

const LETTERS = { remove: "x", drop: "w", keep: "k" };
const FAR = 10; // steps of a page's key

let laid = null;
let width = 0;
let hover = null;
let marks = null; // the group above the picture

const host = () => $("strip");

/** Starts the picture. */
export function startStrip() {
  onWidth(host(), (now) => {
    width = Math.floor(now);
    arrange();
  });
  on(["readings", "layerIndex", "language", "retention", "explained", "rests", "keep"], arrange);
  on(["at", ...CHANGES], mark);
  host().addEventListener("pointermove", (event) => hovered(event.pointerType === "touch" ? null : place(event)));
  host().addEventListener("pointerleave", () => hovered(null));
  host().addEventListener("click", (event) => {
    const token = place(event);
    if (token !== null) explainToken(token);
  });
  host().addEventListener("focus", () => {
    if (!laid || !host().matches(":focus-visible")) return;
    if (state.at === null) set({ at: 0 });
    mark();
  });
  host().addEventListener("blur", mark);
  host().addEventListener("keydown", pressed);
}

const place = ({ clientX }) => laid && laid.tokenAt(clientX - host().getBoundingClientRect().left);

function pressed(event) {
  if (!laid || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = state.at ?? 0;
  const kind = CHANGE_KEYS[event.key.toLowerCase()];
  if (event.key === "Enter" || event.key === " ") explainToken(at);
  else if (event.key === "Escape") closeExplained();
  else if (kind) toggle(kind, event.shiftKey ? listedFor(kind) : [at]);
  else {
    const to = moved(event.key, at);
    if (to === null) return;
    hover = null;
    set({ at: to });
  }
  event.preventDefault();
}

/** Where a key leads from a step; null for a key that leads nowhere. */
function moved(key, at) {
  const last = reading().tokens.length - 1;
  const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: FAR, PageDown: -FAR }[key];
  const to = { Home: 0, End: last }[key] ?? (by === undefined ? null : at + by);
  return to === null ? null : Math.max(0, Math.min(last, to));
}

/** The gates, how far the memory moved or what is left of a write, and what the answer rests on. */
function lanes() {
  const last = lastLane();
  const own = [...gateLanes(), ...(last.kind === "carries" ? [] : [last])];
  const rests = restsLane();
  return [...own.map((lane) => ({ ...lane, label: lane.label ?? lane.name })), ...(rests ? [rests] : [])];
}

function arrange() {
  const read = reading();
  laid = null;
  if (!read || !strip() || !width) return fill(host());
  const shown = lanes();
  laid = layOut(read, width, shown.length);
  const svg = draw(read, laid, shown, label());
  marks = shape("g", {});
  svg.prepend(marks); // behind the lines
  fill(host(), svg);
  host().setAttribute("aria-label", label());
  host().setAttribute("aria-valuemax", read.tokens.length);
  $("inside-title").textContent = t("inside.title", { name: fullName(state.chosen) });
  $("how").textContent = t(isGated(state.chosen) ? (state.keep.length ? held() : "strip.how") : "strip.how.plain");
  fill($("legend"), legend(shown));
  mark();
}

const held = () => (model(state.chosen).keeps_closed ? "strip.how.held.closed" : "strip.how.held");
const label = () => t("strip.label", { n: reading().tokens.length });

/** What the lines and lanes mean, in words. */
function legend(shown) {
  const read = reading();
  const closed = model(state.chosen).keeps_closed;
  const meaning = ({ name, kind, values }) => {
    if (kind === "rests" && values.includes(null)) return t("legend.rests.some");
    if (kind !== "gate") return t(`legend.${kind}`);
    const key = [name === closed && `legend.${name}.closed`, `legend.${name}`].find((each) => each && has(each));
    return key ? t(key) : gateName(state.chosen, name);
  };
  const lines = !read.forecast ? [] : read.forecast.came.some((value) => value !== null) ? ["forecast", "came"] : ["forecast"];
  return [
    ...lines.map((name) => el("li", {}, el("b", { class: `line ${name}`, "aria-hidden": "true" }), " ", t(`legend.${name}`))),
    ...shown.map((lane) => el("li", { class: lane.kind === "gate" ? `gate-${lane.name}` : "" }, el("b", {}, lane.label), " ", meaning(lane))),
    ...CHANGES.filter((kind) => state[kind].length).map((kind) => el("li", {}, el("b", {}, LETTERS[kind]), " ", t(`legend.${kind}`))),
    ranks().size ? el("li", {}, el("b", {}, "1, 2 …"), " ", t("legend.erasers")) : null,
    read.rows.length > MOST_ROWS ? el("li", {}, t("legend.more", { n: read.rows.length - MOST_ROWS })) : null,
  ].filter(Boolean);
}

/** Draws what is marked now: the step that is explained, the one of the keys, that under the pointer, ranks and changes. */
function mark() {
  if (!laid || !reading()) return;
  const selected = state.explained?.token ?? null;
  const walked = host() === document.activeElement && host().matches(":focus-visible") ? state.at : null;
  const letters = new Map([...ranks()].map(([token, rank]) => [token, String(rank)]));
  for (const kind of CHANGES) for (const token of state[kind]) letters.set(token, `${letters.get(token) ?? ""}${LETTERS[kind]}`);
  marks.replaceChildren(
    ...[[hover, "hovered"], [selected, "selected"], [walked, "walked"]].filter(([token]) => token !== null).flatMap(([token, kind]) => over(laid, token, kind)),
    ...[...letters].flatMap(([token, text]) => over(laid, token, null, text)),
  );
  const at = hover ?? walked ?? selected ?? state.at;
  $("readout").textContent = at === null ? t("strip.press") : said(at);
  if (state.at === null) return;
  host().setAttribute("aria-valuenow", state.at + 1);
  host().setAttribute("aria-valuetext", said(state.at));
}

function hovered(token) {
  if (token === hover) return;
  hover = token;
  mark();
}

/** The numbers at a step in a sentence: its values, the gates, and what else the lanes show. */
function said(token) {
  const read = reading();
  const [from, to] = [laid.edge(token), laid.edge(token + 1)];
  const values = read.rows.slice(0, MOST_ROWS).map(({ name, values: all }) => `${name} ${span(all.slice(from, to))}`);
  const gates = lanes()
    .filter(({ kind }) => kind !== "rests")
    .map(({ label: letter, values: all }) => `${letter} ${unit(all[token])}`);
  return t("token.said", { token: read.tokens[token], k: token + 1, n: read.tokens.length, values: list([...values, ...gates]) });
}

/** One value, or from which to which several go. */
function span(values) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return figure(null);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return least === most ? figure(least) : t("strip.span", { from: figure(least), to: figure(most) });
}
