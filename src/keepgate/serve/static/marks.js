// What is marked on the strip: the lanes under the tokens, and the tokens that the explanation names.

import { model, reading, state, strip } from "./state.js";
import { sentenceOf } from "./text.js";
import { t } from "./words.js";

/** The lanes and marks of a scene, from what is known now. */
export function marksOf() {
  const read = reading();
  const source = sourceOf();
  return {
    lanes: [...gateLanes(), lastLane()],
    selected: typeof state.open === "object" && state.open ? state.open.token : null,
    source: source ? [source.first, source.end] : null,
    ranks: ranks(),
    drop: new Set(state.drop),
    keep: new Set(state.keep),
    unknown: new Set(read.unknown),
    askedFrom: read.asked_from,
    askedMark: t("strip.asked"),
  };
}

export const gateLanes = () =>
  Object.entries(strip().gates).map(([name, values]) => ({ name, colour: name, values, kind: "gate" }));

/** The lane below the gates: what is left of a write, what carries the answer, or how far the memory moved. */
export function lastLane() {
  const made = (kind, values, colour = "accent") => ({ name: t(`lane.${kind}.short`), kind, colour, values });
  if (state.fate && state.open?.token !== undefined) return made("left", state.fate.left);
  if (state.open && state.carriers) {
    if (state.carriers.carriers.length) return made("carries", sharesOf());
    return made("sensitivity", relative(state.carriers.sensitivity));
  }
  const moves = strip().moves;
  const { memory } = model(state.chosen);
  return { ...made("moves", relative(moves[memory] ?? []), "other"), name: `Δ${memory}` };
}

/** For each token the share of the answer that its write carries; below 0 is nothing. */
function sharesOf() {
  const values = reading().tokens.map(() => 0);
  for (const { token, share } of state.carriers.carriers) values[token] = Math.max(0, share);
  return values;
}

/** Values as shares of the largest. */
function relative(values) {
  const most = Math.max(...values.map((value) => value ?? 0), 1e-30);
  return values.map((value) => (value === null ? null : value / most));
}

export const TELLING = 0.02; // a share below which a write carries nothing worth naming

/** The sentence that the answer came from: where most of what carries it was written. Null while there is none. */
export function sourceOf() {
  if (state.open !== "answer" || !(state.carriers?.carriers[0]?.share >= TELLING)) return null;
  return source(state.carriers.carriers);
}

function source(carriers) {
  const found = new Map();
  for (const { token, share } of carriers.filter((each) => each.share > 0)) {
    const sentence = sentenceOf(state.text, reading(), token);
    const known = found.get(sentence.first) ?? { ...sentence, share: 0 };
    known.share += share;
    found.set(sentence.first, known);
  }
  const all = [...found.values()];
  const inText = all.filter((each) => !each.asked);
  return (inText.length ? inText : all).reduce(
    (best, each) => (!best || each.share > best.share ? each : best),
    null,
  );
}

/** The tokens that the explanation counts, with their ranks: who erased a write, or whose writes carry the answer. */
function ranks() {
  if (state.fate && state.open?.token !== undefined) return ranked(state.fate.erasers);
  if (state.open === "answer" && state.carriers)
    return ranked(state.carriers.carriers.filter((each) => each.share >= TELLING).slice(0, 5));
  return new Map();
}

const ranked = (tokens) => new Map(tokens.map(({ token }, k) => [token, k + 1]));
