// What the page's address says: `?story=…&question=…&network=…&layer=1&direction=backward&step=…&unit=5&letters=textbook&length=300&
// remove=2,3&bias=-2&scale=1.5&lang=zh-TW` opens any state, `?embed=gates` one part alone, `?guide=3` a step of the guided mode.

import { CHANGES, firstUnit, lastForward, on, reading, state } from "./state.js";

const PARTS = {
  answers: ".answers-section",
  gates: ".inside",
  step: "#step",
  film: "#step",
  beside: "#beside",
  length: "#lengthen",
  bridge: "#bridge",
  gradient: "#gradients",
};

const asked = new URLSearchParams(location.search);

/** The story and question to begin with; null where the address names no story. */
export function linkedStory() {
  const text = asked.get("story");
  return text ? { text, question: asked.get("question") ?? "" } : null;
}

const tokens = (name) =>
  (asked.get(name) ?? "")
    .split(",")
    .map((number) => Number(number) - 1)
    .filter((token) => Number.isInteger(token) && token >= 0);

/** The network to look into, by id; null where none is named. */
export const linkedNetwork = () => asked.get("network");

/** A number that the address names, within bounds; null where it names none. */
export function linkedNumber(name, least, most) {
  const number = Number(asked.get(name) || NaN);
  return number >= least && number <= most ? number : null;
}

/** Whether the letters are to be those of textbooks. */
export const linkedLetters = () => asked.get("letters") === "textbook";

/** What of a reading the address names and there is: the layer and direction; or the unit, the token and the changes. */
export function linkedPlace() {
  const [layer, reverse] = [linkedNumber("layer", 1, Infinity), asked.get("direction") === "backward"];
  const index = reading()?.strips.findIndex((each) => each.layer === (layer ?? 1) - 1 && each.reverse === reverse) ?? -1;
  return index < 0 || (layer === null && !reverse) ? {} : { layerIndex: index };
}

export function linkedView(units) {
  const isThere = (token) => token < (reading()?.tokens.length ?? 0);
  const [at] = tokens("step").filter(isThere);
  const mean = asked.get("unit") === "mean";
  const unit = mean ? null : linkedNumber("unit", 0, units - 1);
  const changes = CHANGES.map((kind) => [kind, [...new Set(tokens(kind))].filter(isThere).sort((a, b) => a - b)]);
  return {
    ...(at === undefined ? {} : { at }),
    ...(mean || Number.isInteger(unit) ? { unit } : {}),
    ...Object.fromEntries(changes.filter(([, made]) => made.length)),
  };
}

/** The language that the address names; null where it names none. */
export const linkedLanguage = () => asked.get("lang");

/** The part of the page that is to be shown alone, by name; null for the whole page. */
export const embedded = () => (Object.hasOwn(PARTS, asked.get("embed")) ? asked.get("embed") : null);

/** Shows nothing but the named part, where there is one. */
export function startAddress() {
  const part = embedded();
  if (!part) return;
  document.body.classList.add("embed");
  document.body.dataset.embed = part;
  showOnly([part]);
  if (part === "answers") on(["explained"], () => showOnly(state.explained ? [part, "gates"] : [part])); // "why?" is told there
  if (part === "gradient") location.hash = "gradient";
}

/** Lets the style sheet know the parts that are shown where not all are. */
export function showOnly(parts) {
  for (const each of document.querySelectorAll(".shown")) each.classList.remove("shown");
  for (const part of parts) document.querySelector(PARTS[part]).classList.add("shown");
}

/** The step of the guide that the address names, of so many; null for the free mode. A place on the page named later counts. */
export function guideStep(count) {
  const place = /^#guide(?:-(\d+))?$/.exec(location.hash);
  if (location.hash && !place) return null;
  const number = Number(place ? (place[1] ?? 1) : asked.get("guide"));
  return Number.isInteger(number) && number >= 1 && number <= count ? number : null;
}

/** A link that opens a step of the guide in a language. */
export const linkToGuide = (step, language) => here({ guide: step, lang: language });

function here(query) {
  const link = new URL(location.href.split(/[?#]/)[0]);
  link.search = new URLSearchParams(query);
  return link.href;
}

/** A link that opens what is read and looked at now, in a language: of what the page does by itself it says nothing. */
export function linkTo(language) {
  const { text, question, chosen, at, unit, textbook, layerIndex } = state;
  const changes = CHANGES.filter((kind) => state[kind].length);
  const place = reading()?.strips[layerIndex];
  return here({
    story: text,
    question,
    ...(chosen === null ? {} : { network: chosen }),
    ...(place && layerIndex !== lastForward() ? { layer: place.layer + 1, direction: place.reverse ? "backward" : "forward" } : {}),
    ...(at === null ? {} : { step: at + 1 }),
    ...(unit === firstUnit() ? {} : { unit: unit ?? "mean" }),
    ...(textbook ? { letters: "textbook" } : {}),
    ...(state.length ? { length: state.length } : {}),
    ...Object.fromEntries(changes.map((kind) => [kind, state[kind].map((token) => token + 1)])),
    lang: language,
  });
}
